// bought_articles: those of some articles that somebody bought, in the given order
// $article_ids: list
// $as_of: date = null       only purchases before that day
// :param [{article_ids, as_of}] => { RETURN ['0108775015'] AS article_ids, null AS as_of }
// returns article_id
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
WHERE EXISTS {
  MATCH (a)<-[b:BOUGHT]-()
  USING INDEX b:BOUGHT(article_id, t_dat)
  WHERE b.article_id = a.article_id AND b.t_dat < coalesce(date($as_of), date('9999-12-31'))
}
RETURN a.article_id AS article_id
