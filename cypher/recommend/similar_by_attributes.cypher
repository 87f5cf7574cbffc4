// similar_by_attributes: articles that share most with an article: product, type, department, colour and so on; needs no history
//
//   score(x) = sum over attributes shared with x of log(articles / articles with that attribute), so rare attributes count most
// Candidates share at least one attribute that at most $widest articles have. Source: information content, Resnik, IJCAI 1995.
//
// $article_id: string
// $customer_id: string = ''         customer whose purchases new_only excludes; '' for none
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $widest: integer = 2000          find articles through attributes that at most this many articles have
// :param [{article_id, customer_id, k, new_only, as_of, department, colour, max_price, in_season, widest}] => { RETURN '0108775015' AS article_id, '' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 2000 AS widest }
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31')) AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
CALL (until) {
  MATCH (:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT a) AS owned
}
MATCH (known:Article {article_id: $article_id})
WITH until, owned, known, COUNT { MATCH (:Article) } AS articles
CALL (known, articles) {
  MATCH (known)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(t)
  WITH t, COUNT { (t)<--() } AS holders
  ORDER BY holders, elementId(t)
  RETURN collect(t) AS attributes, collect(log(1.0 * articles / holders)) AS says, [h IN collect([t, holders]) WHERE h[1] <= $widest | h[0]] AS narrow
}
CALL (known, narrow) {
  UNWIND narrow AS t
  MATCH (t)<--(a:Article)
  WHERE a <> known
  RETURN DISTINCT a
}
MATCH (a)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(t)
WHERE t IN attributes
WITH until, owned, attributes, says, a, collect(t) AS shared
WITH until, owned, a, size(shared) AS shared, reduce(sum = 0.0, i IN range(0, size(attributes) - 1) |
       sum + CASE WHEN attributes[i] IN shared THEN says[i] ELSE 0.0 END) AS score
WHERE NOT a IN owned
  AND a.article_id IS :: STRING NOT NULL
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND ($max_price IS NULL OR b.price <= $max_price)
  })
WITH a, shared, score
ORDER BY score DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE shared WHEN 1 THEN 'one attribute is the same' ELSE shared + ' attributes are the same' END + coalesce(': ' + a.prod_name, '') AS because
