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
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $widest: integer = 2000          find articles through attributes that at most this many articles have
// :param [{article_id, customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, widest}] => { RETURN '0108775015' AS article_id, '' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 2000 AS widest }
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until, coalesce(date($as_of) <= max(day), false) AS is_past
}
CALL (until) {
  MATCH (:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT a) AS owned
}
MATCH (known:Article {article_id: $article_id})
WITH until, is_past, owned, known, COUNT { MATCH (:Article) } AS articles
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
WITH until, is_past, owned, attributes, says, a, collect(t) AS shared
WITH until, is_past, owned, a, size(shared) AS shared, reduce(sum = 0.0, i IN range(0, size(attributes) - 1) |
       sum + CASE WHEN attributes[i] IN shared THEN says[i] ELSE 0.0 END) AS score
WHERE NOT a IN owned
  AND a.article_id IS :: STRING NOT NULL
  AND NOT a.article_id IN $exclude AND ($only IS NULL OR a.article_id IN $only)
  AND ($include_unavailable OR NOT coalesce(
    NOT is_past AND (a.stock <= 0 OR a.available = false) OR until < a.available_from OR until > a.available_until, false))
  AND all(clause IN $where WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'price' THEN COLLECT {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = a.article_id AND b.t_dat < until AND b.price IS NOT NULL
      RETURN b.price ORDER BY b.article_id DESC, b.t_dat DESC, b.price LIMIT 1
    }[0] ELSE a[test[0]] END] WHERE CASE test[1]
      WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
      WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
      WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
      WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
    END)))
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
