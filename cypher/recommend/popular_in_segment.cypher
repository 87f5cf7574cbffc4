// popular_in_segment: what customers of the same age band and club status bought in the last days
//
// score(a) = how many customers of the segment bought a in the $days days before $as_of, or before the day after the
// last purchase. The segment: those within $age_span years, of the same club status; what is not known of the
// customer does not narrow it. Serves customers without a history.
//
// $customer_id: string
// $k: integer = 12             how many articles
// $new_only: boolean = false   leave out what the customer has bought already
// $as_of: date = null          recommend as on that day: no purchase of that day or later is looked at
// $days: integer = 7           how many days count
// $age_span: integer = 5       how many years older or younger still count as alike
// :params {customer_id: '1', k: 12, new_only: false, as_of: null, days: 7, age_span: 5}
// returns article_id, score, because
MATCH (c:Customer {customer_id: $customer_id})
CALL () {
  MATCH ()-[b:BOUGHT]->()
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31'))
  RETURN b.t_dat AS last
  ORDER BY last DESC
  LIMIT 1
}
WITH c, coalesce(date($as_of), last + duration({days: 1})) AS until
MATCH (n:Customer)-[b:BOUGHT]->(a:Article)
WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until
  AND (c.age IS NULL OR abs(n.age - c.age) <= $age_span)
  AND (c.club_member_status IS NULL OR n.club_member_status = c.club_member_status)
WITH c, a, until, count(DISTINCT n) AS customers
WHERE NOT ($new_only AND EXISTS { MATCH (c)-[o:BOUGHT]->(a) WHERE o.t_dat < until })
WITH c, a, customers
ORDER BY customers DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, toFloat(customers) AS score,
       'bought by ' + customers + CASE customers WHEN 1 THEN ' customer' ELSE ' customers' END +
       CASE WHEN c.age IS NULL THEN '' ELSE ' of about ' + c.age END + ' in the last ' + $days + ' days' AS because
