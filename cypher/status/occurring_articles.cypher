// occurring_articles: those of some ids that the graph has articles of
// $article_ids: list
// :param [{article_ids}] => { RETURN ['0108775015', '108775015'] AS article_ids }
// returns article_id
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN a.article_id AS article_id
