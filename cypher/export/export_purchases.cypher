// export_purchases: the purchases of some customers, one row a customer with its purchases in lists
// A row for each purchase comes at a fifth of the speed, Python's part included; days count from 1970-01-01, for a date takes four times as long to read.
// collect() leaves nulls out, so that each list has something in a missing value's place.
// $customers: list             numbers of customer nodes, as export_customers gives them, in the order of the store
// $since: date = null          first day
// $until: date = null          the day after the last
// :param [{customers, since, until}] => { RETURN [0, 1, 2] AS customers, null AS since, null AS until }
// returns customer, articles, days, prices, quantities, channels
UNWIND $customers AS node
MATCH (c) WHERE id(c) = node
CALL (c) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat IS NOT NULL AND ($since IS NULL OR b.t_dat >= date($since)) AND ($until IS NULL OR b.t_dat < date($until))
  RETURN collect(id(a)) AS articles,
         collect(duration.inDays(date('1970-01-01'), b.t_dat).days) AS days,
         collect(coalesce(b.price, 0.0 / 0.0)) AS prices, collect(coalesce(b.quantity, 1)) AS quantities,
         collect(coalesce(b.sales_channel_id, 0)) AS channels
}
RETURN node AS customer, articles, days, prices, quantities, channels
