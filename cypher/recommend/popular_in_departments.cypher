// popular_in_departments: articles that sell now in the departments that the customer buys from
//
//   taste(c,d) = share of department d in c's purchases, each weighted 0.5 ^ (age in days / half_life)
//   score(c,a) = taste(c, department of a) * purchases of a in the $days days before $as_of, or before the day after the last purchase
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
// $days: integer = 7               number of days that count
// $departments: integer = 5        number of departments, those of largest taste
// $seeks: integer = 5000           if they have more articles, scan all purchases of the days instead of each article's
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, half_life, days, departments, seeks}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 42.0 AS half_life, 7 AS days, 5 AS departments, 5000 AS seeks }
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
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)-[:IN_DEPARTMENT]->(d:Department)
  WHERE b.t_dat < until
  WITH d, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, d.department_no
  RETURN collect([d, weight]) AS tastes, sum(weight) AS total
}
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT known) AS owned
}
CALL (tastes) {
  UNWIND tastes[..$departments] AS item
  WITH item[0] AS d
  RETURN sum(COUNT { (d)<-[:IN_DEPARTMENT]-() }) AS articles
}
CALL (until, tastes, total, articles) {
  WITH * WHERE articles <= $seeks
  UNWIND tastes[..$departments] AS item
  WITH until, item[0] AS d, item[1] / total AS taste
  MATCH (d)<-[:IN_DEPARTMENT]-(a:Article)
  WITH d, taste, a, COUNT {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: $days}) AND b.t_dat < until
  } AS purchases
  WHERE purchases > 0
  RETURN d, taste, a, purchases
  UNION ALL
  WITH * WHERE articles > $seeks
  CALL (until) {
    MATCH ()-[b:BOUGHT]->(a)
    USING INDEX b:BOUGHT(t_dat)
    WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
    RETURN a, count(*) AS purchases
  }
  MATCH (a)-[:IN_DEPARTMENT]->(d:Department)
  WITH d, a, purchases, [item IN tastes[..$departments] WHERE item[0] = d | item[1] / total] AS found
  WHERE size(found) > 0
  RETURN d, found[0] AS taste, a, purchases
}
WITH until, d, taste, a, purchases, owned
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
WITH a, d, purchases, taste * purchases AS score
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'bought ' + CASE purchases WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE purchases + ' times' END + ' in the last ' + $days +
       ' days, in ' + coalesce(d.department_name, 'a department') + ', where you buy' AS because
