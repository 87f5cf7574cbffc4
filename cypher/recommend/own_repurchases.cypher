// own_repurchases: articles that the customer bought often and recently, that are due again by their rhythm, and that others buy again
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   gap = mean days between the days on which c bought a;   late = days since the last of them / gap
//   score(c,a) = w(c,a) * (1 + rhythm * exp(-2 * (late - 1)^2)) * (0.1 + repeats(a)) ^ loyalty; without rhythm if there was only one day
// repeats(a) = number of days on which a buyer of a bought it again, on average, as `hmrec train` wrote it on the article; 0 if it did not
// Source: Benson, Kumar and Tomkins, Modeling user consumption sequences, WWW 2016 (recency and an item's own quality multiply).
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
// $rhythm: float = 0.5             extra weight of articles due again; 0: rhythm does not count
// $loyalty: float = 0.0            exponent of the factor from repeats; 0: repeats do not count
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, rhythm, loyalty}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 0.5 AS rhythm, 0.0 AS loyalty }
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
MATCH (c:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a:Article)
WHERE NOT $new_only AND b.t_dat < until
WITH until, is_past, a, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight,
     count(DISTINCT b.t_dat) AS days, min(b.t_dat) AS first, max(b.t_dat) AS last
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
WITH until, a, weight, days, last,
     CASE WHEN days > 1 THEN 1.0 * duration.inDays(first, last).days / (days - 1) END AS gap
WITH a, days, last, gap, weight * (1 + coalesce($rhythm * exp(-2 * (duration.inDays(last, until).days / gap - 1) ^ 2), 0)) *
       (0.1 + coalesce(a.repeats, 0)) ^ $loyalty AS score
ORDER BY round(score, 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'you bought it ' + CASE days WHEN 1 THEN 'once' WHEN 2 THEN 'on 2 days' ELSE 'on ' + days + ' days' END + ', last on ' + last +
       CASE WHEN gap IS NULL THEN '' WHEN round(gap) = 1 THEN ', about every day' ELSE ', about every ' + toInteger(round(gap)) + ' days' END AS because
