// popular: what most customers bought in the last days
//
// score(a) = how many customers bought a in the $days days before $as_of, or before the day after the last purchase
//
// $customer_id: string = ''    whose purchases new_only leaves out; '' for nobody
// $k: integer = 12             how many articles
// $new_only: boolean = false   leave out what the customer has bought already
// $as_of: date = null          recommend as on that day: no purchase of that day or later is looked at
// $days: integer = 7           how many days count
// :params {customer_id: '', k: 12, new_only: false, as_of: null, days: 7}
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31'))
  RETURN b.t_dat AS last
  ORDER BY last DESC
  LIMIT 1
}
WITH coalesce(date($as_of), last + duration({days: 1})) AS until
MATCH (n:Customer)-[b:BOUGHT]->(a:Article)
WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until
WITH a, until, count(DISTINCT n) AS customers
WHERE NOT ($new_only AND EXISTS {
  MATCH (:Customer {customer_id: $customer_id})-[o:BOUGHT]->(a)
  WHERE o.t_dat < until
})
WITH a, customers
ORDER BY customers DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, toFloat(customers) AS score,
       'bought by ' + customers + CASE customers WHEN 1 THEN ' customer' ELSE ' customers' END + ' in the last ' + $days + ' days' AS because
