// by_attributes: what similar customers buy now, by age, club status, fashion news and post code; needs no history
//
//   likeness(c,n) = 0.5 ^ (years between their ages / $age_span + number of club status, fashion news and post code that differ)
//   score(a) = sum of likeness(c,n) over the purchases of a by n in the $days days before $as_of, or before the day after the last purchase
// Attributes unknown for c are ignored. Attributes unknown for n count as different ($age_span years for the age).
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
// $age_span: float = 5.0           age difference in years that halves the likeness
// $purchases: integer = 100000     use at most this many purchases, the latest, by whole days
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, days, age_span, purchases}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 7 AS days, 5.0 AS age_span, 100000 AS purchases }
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
WITH c, until, coalesce(found[0], until - duration({days: $days})) AS since, c.age AS age, c.club_member_status AS status, c.fashion_news_frequency AS news, c.postal_code AS place
MATCH (n)-[b:BOUGHT]->(a)
USING INDEX b:BOUGHT(t_dat)
WHERE b.t_dat >= since AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
WITH c, until, age, a, 0.5 ^ (
       coalesce(abs(n.age - age) / $age_span, CASE WHEN age IS NULL THEN 0 ELSE 1 END) +
       CASE WHEN status IS NULL OR n.club_member_status = status THEN 0 ELSE 1 END +
       CASE WHEN news IS NULL OR n.fashion_news_frequency = news THEN 0 ELSE 1 END +
       CASE WHEN place IS NULL OR n.postal_code = place THEN 0 ELSE 1 END
     ) AS likeness
WITH c, until, age, a, sum(likeness) AS score, count(*) AS purchases
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
WITH age, a, score, purchases
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'bought lately by customers like you' + CASE WHEN age IS NULL THEN '' ELSE ', of about ' + age END AS because
