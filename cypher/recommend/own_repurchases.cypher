// own_repurchases: what the customer bought before, the most and the latest first
//
// score(c,a) = sum of quantity * 0.5 ^ (age in days / half_life) over c's purchases of a
//
// $customer_id: string
// $k: integer = 12             how many articles
// $new_only: boolean = false   leave out what the customer has bought already: nothing remains then
// $as_of: date = null          recommend as on that day: no purchase of that day or later is looked at
// $half_life: float = 42.0     days after which a purchase counts half
// :params {customer_id: '1', k: 12, new_only: false, as_of: null, half_life: 42.0}
// returns article_id, score, because
MATCH (c:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a:Article)
WHERE NOT $new_only AND b.t_dat < coalesce(date($as_of), date('9999-12-31'))
WITH a, b, max(b.t_dat) AS day
WITH collect([a, b, day]) AS purchases, max(day) AS last
WITH purchases, coalesce(date($as_of), last) AS today
UNWIND purchases AS purchase
WITH purchase[0] AS a, sum(purchase[1].quantity) AS times, max(purchase[2]) AS last,
     sum(purchase[1].quantity * 0.5 ^ (duration.inDays(purchase[2], today).days / $half_life)) AS score
ORDER BY score DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'you bought it ' + CASE times WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE times + ' times' END + ', last on ' + last AS because
