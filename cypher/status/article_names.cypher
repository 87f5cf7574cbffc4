// article_names: names of some articles, for display
// $article_ids: list
// :param [{article_ids}] => { RETURN ['0108775015'] AS article_ids }
// returns article_id, prod_name, colour, department
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN a.article_id AS article_id, a.prod_name AS prod_name, a.colour_group_name AS colour, a.department_name AS department
