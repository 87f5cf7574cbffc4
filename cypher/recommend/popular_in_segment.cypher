// popular_in_segment: articles that customers of the same age band and club status bought in the last days
//
// score(a) = number of purchases of a by customers of the segment in the $days days before $as_of, or before the day after the
// last purchase. The segment is all customers within $age_span years and of the same club status. What is unknown about the
// customer does not narrow it. Works for customers without a history.
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $days: integer = 7               number of days that count
// $age_span: integer = 5           maximum age difference in years
// $purchases: integer = 100000     use at most this many purchases, the latest, by whole days
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, days, age_span, purchases}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 7 AS days, 5 AS age_span, 100000 AS purchases }
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
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  SKIP $purchases - 1 LIMIT 1
  RETURN collect(day) AS found  // not max(day): where no row is found, Neo4j 2026.05 then makes `until` null, too
}
MATCH (c:Customer {customer_id: $customer_id})
WITH c, until, coalesce(found[0], until - duration({days: $days})) AS since, c.age AS age, c.club_member_status AS status
MATCH (n)-[b:BOUGHT]->(a)
USING INDEX b:BOUGHT(t_dat)
WHERE b.t_dat >= since AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
  AND (age IS NULL OR n.age >= age - $age_span AND n.age <= age + $age_span)
  AND (status IS NULL OR n.club_member_status = status)
WITH c, until, since, a, count(*) AS purchases
WHERE NOT ($new_only AND EXISTS { MATCH (c)-[o:BOUGHT]->(a) WHERE o.t_dat < until })
  AND a.article_id IS :: STRING NOT NULL
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND ($max_price IS NULL OR b.price <= $max_price)
  })
WITH c, until, since, a, purchases
ORDER BY purchases DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, toFloat(purchases) AS score,
       'bought ' + CASE purchases WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE purchases + ' times' END + ' by customers' +
       CASE WHEN c.age IS NULL THEN '' ELSE ' of about ' + c.age END + ' in the last ' + duration.inDays(since, until).days + ' days' AS because
