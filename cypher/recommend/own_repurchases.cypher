// own_repurchases: articles that the customer bought often and lately, and that are due again by their rhythm
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   gap = mean days between the days on which c bought a;   late = days since the last of them / gap
//   score(c,a) = w(c,a) * (1 + rhythm * exp(-2 * (late - 1)^2)); w(c,a) if there was only one day
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $half_life: float = 42.0         days after which a purchase counts half
// $rhythm: float = 0.5             extra weight of articles due again; 0: rhythm does not count
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, half_life, rhythm}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 42.0 AS half_life, 0.5 AS rhythm }
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
MATCH (c:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a:Article)
WHERE NOT $new_only AND b.t_dat < until
WITH until, a, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight,
     count(DISTINCT b.t_dat) AS days, min(b.t_dat) AS first, max(b.t_dat) AS last
WHERE a.article_id IS :: STRING NOT NULL
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND ($max_price IS NULL OR b.price <= $max_price)
  })
WITH until, a, weight, days, last,
     CASE WHEN days > 1 THEN 1.0 * duration.inDays(first, last).days / (days - 1) END AS gap
WITH a, days, last, gap, weight * (1 + coalesce($rhythm * exp(-2 * (duration.inDays(last, until).days / gap - 1) ^ 2), 0)) AS score
ORDER BY round(score, 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'you bought it ' + CASE days WHEN 1 THEN 'once' WHEN 2 THEN 'on 2 days' ELSE 'on ' + days + ' days' END + ', last on ' + last +
       CASE WHEN gap IS NULL THEN '' WHEN round(gap) = 1 THEN ', about every day' ELSE ', about every ' + toInteger(round(gap)) + ' days' END AS because
