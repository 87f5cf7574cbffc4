// popular: articles with most purchases in the last days
//
// score(a) = number of purchases of a in the $days days before $as_of, or before the day after the last purchase
//
// $customer_id: string = ''         customer whose purchases new_only excludes; '' for none
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $days: integer = 7               number of days that count
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, days}] => { RETURN '' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 7 AS days }
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
MATCH (n)-[b:BOUGHT]->(a)
USING INDEX b:BOUGHT(t_dat)
WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
WITH until, a, count(*) AS purchases
WHERE NOT ($new_only AND EXISTS {
    MATCH (:Customer {customer_id: $customer_id})-[o:BOUGHT]->(a)
    WHERE o.t_dat < until
  })
  AND a.article_id IS :: STRING NOT NULL
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND ($max_price IS NULL OR b.price <= $max_price)
  })
WITH a, purchases
ORDER BY purchases DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, toFloat(purchases) AS score,
       'bought ' + CASE purchases WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE purchases + ' times' END + ' in the last ' + $days + ' days' AS because
