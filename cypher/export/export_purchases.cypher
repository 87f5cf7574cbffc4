// export_purchases: the purchases of some customers in one row, as a list per property, all in the same order
// A row per purchase takes ten times the CPU time, nearly all of it in Python. A row per customer takes twice the client's time.
// Days are counted from 1970-01-01, because reading a date takes four times as long. No list may contain null.
// $customers: list             node numbers of customers, from export_customers, in storage order
// $since: date = null          first day
// $until: date = null          the day after the last
// :param [{customers, since, until}] => { RETURN [0, 1, 2] AS customers, null AS since, null AS until }
// returns customers, articles, days, prices, quantities, channels
UNWIND $customers AS node
MATCH (c) WHERE id(c) = node
MATCH (c)-[b:BOUGHT]->()
WHERE b.t_dat IS :: DATE NOT NULL AND ($since IS NULL OR b.t_dat >= date($since)) AND ($until IS NULL OR b.t_dat < date($until))
WITH collect(b) AS purchases
RETURN [b IN purchases | id(startNode(b))] AS customers, [b IN purchases | id(endNode(b))] AS articles,
       [b IN purchases | duration.inDays(date('1970-01-01'), b.t_dat).days] AS days,
       [b IN purchases | coalesce(b.price, 0.0 / 0.0)] AS prices, [b IN purchases | coalesce(b.quantity, 1)] AS quantities,
       [b IN purchases | coalesce(b.sales_channel_id, 0)] AS channels
