// variants: other colours and types of products that the customer bought
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   score(c,x) = sum over c's articles a of the same product, other than x, of w(c,a) * log(1 + purchases of x in the last $days days)
// Only the $products products of c with the largest sums of w(c,a) over their articles are used.
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $half_life: float = 42.0         days after which a purchase counts half
// $days: integer = 28              recent days in which purchases of a variant count
// $products: integer = 30          number of products, those of largest weight
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, days, products}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 28 AS days, 30 AS products }
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
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)
  WHERE b.t_dat < until
  WITH known, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  RETURN collect([known, weight]) AS own
}
CALL (own) {
  UNWIND own AS item
  WITH item[0] AS known, item[1] AS weight
  MATCH (known)-[:VARIANT_OF]->(p:Product)
  WITH p, sum(weight) AS weight, count(*) AS bought
  ORDER BY round(weight, 12) DESC, p.product_code
  LIMIT $products
  MATCH (p)<-[:VARIANT_OF]-(a:Article)
  RETURN collect([a, weight, bought, p]) AS found
}
CALL (found, own) {
  UNWIND found + [item IN own | [item[0], -item[1], -1, null]] AS item
  WITH item[0] AS a, sum(item[1]) AS weight, sum(item[2]) AS others, collect(item[3])[0] AS p, min(item[2]) < 0 AS is_owned
  WHERE p IS NOT NULL AND others > 0 AND NOT ($new_only AND is_owned)
  RETURN a, weight, p, is_owned
}
WITH until, is_past, a, p, weight, is_owned
WHERE a.article_id IS :: STRING NOT NULL
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
WITH a, p, is_owned, weight * log(1 + COUNT {
       MATCH (a)<-[b:BOUGHT]-()
       USING INDEX b:BOUGHT(article_id, t_dat)
       WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: $days}) AND b.t_dat < until
     }) AS score
WHERE score > 0
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END + 'another ' + coalesce(p.prod_name, 'variant of what you bought') +
       CASE WHEN p.prod_name IS NULL THEN '' ELSE ', which you bought' END + coalesce(', in ' + a.colour_group_name, '') AS because
