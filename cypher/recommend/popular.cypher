// popular: what was bought most in the last days
//
// score(a) = how many purchases of a there are in the $days days before $as_of, or before the day after the last purchase
//
// $customer_id: string = ''         whose purchases new_only leaves out; '' for nobody
// $k: integer = 12                 how many articles
// $new_only: boolean = false       leave out what the customer has bought already
// $as_of: date = null              recommend as on that day: no purchase of that day or later is looked at
// $department: string = null       only articles of this department, by its name
// $colour: string = null           only articles of this colour group, by its name
// $max_price: float = null         only articles that were sold for at most that
// $in_season: integer = null       only articles that were sold within that many days
// $days: integer = 7               how many days count
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
