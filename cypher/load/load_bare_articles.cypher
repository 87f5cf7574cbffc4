// load_bare_articles: articles that only occur in purchases; existing ones stay unchanged
// $rows: list   maps of article_id
// :param [{rows}] => { RETURN [{article_id: '0108775015'}] AS rows }
UNWIND $rows AS row
MERGE (:Article {article_id: row.article_id})
