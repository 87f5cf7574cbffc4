// recently_viewed: articles that the customer lately viewed or put into a cart, and has not bought since
//
//   score(c,a) = sum of weight * 0.5 ^ (age in days / half_life) over c's views of a and additions of a to a cart in the last $days days
//   weight = view_weight or cart_weight; an event of the day of the list or later has an age of 0
// An event does not count if c bought a on its day or later.
// No value is tuned. In OTTO's public log of a shop (github.com/otto-de/recsys-dataset), there are 12 views for each addition to a cart,
// and in Retailrocket's 38. If each purchase follows both, an addition says that many times as much as a view; cart_weight is the lower, rounded.
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
// $half_life: float = 7.0          days after which an event counts half
// $days: integer = 28              only events of so many days
// $view_weight: float = 1.0        weight of a view
// $cart_weight: float = 10.0       weight of an addition to a cart
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, days, view_weight, cart_weight}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 7.0 AS half_life, 28 AS days, 1.0 AS view_weight, 10.0 AS cart_weight }
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
MATCH (c:Customer {customer_id: $customer_id})-[r:BOUGHT|VIEWED|ADDED_TO_CART]->(a:Article)
WHERE r.t_dat IS :: DATE NOT NULL AND (r.t_dat < until OR $as_of IS NULL AND type(r) <> 'BOUGHT')
WITH until, is_past, a, max(CASE type(r) WHEN 'BOUGHT' THEN r.t_dat END) AS bought,
     collect(CASE WHEN type(r) <> 'BOUGHT' AND r.t_dat >= until - duration({days: $days}) THEN r END) AS events
WHERE size(events) > 0 AND NOT ($new_only AND bought IS NOT NULL)
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
UNWIND events AS r
WITH until, a, bought, r.t_dat AS day, type(r) = 'ADDED_TO_CART' AS is_cart
WHERE bought IS NULL OR day > bought
WITH a, sum(CASE WHEN is_cart THEN $cart_weight ELSE $view_weight END *
            0.5 ^ (CASE WHEN day < until THEN duration.inDays(day, until).days ELSE 0 END / $half_life)) AS score,
     count(CASE WHEN is_cart THEN 1 END) AS carts, max(CASE WHEN is_cart THEN day END) AS carted,
     count(CASE WHEN NOT is_cart THEN 1 END) AS views, max(CASE WHEN NOT is_cart THEN day END) AS viewed
WHERE score > 0
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
WITH a, score, [n IN [['put it into your cart', carts, carted], ['viewed it', views, viewed]] WHERE n[1] > 0 |
       n[0] + CASE n[1] WHEN 1 THEN ' on ' WHEN 2 THEN ' twice, last on ' ELSE ' ' + n[1] + ' times, last on ' END + n[2]] AS done
RETURN a.article_id AS article_id, score, 'you ' + reduce(text = done[0], part IN done[1..] | text + ', and ' + part) AS because
