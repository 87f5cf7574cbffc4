// export_day: all purchases of a day in one row, as a list per property, all in the same order
// Uses the index on t_dat. For many days, export_purchases is faster, because it reads in storage order.
// $day: date = null   the day; null matches no purchase
// :param [{day}] => { RETURN null AS day }
// returns customers, articles, prices, quantities, channels
MATCH (c:Customer)-[b:BOUGHT]->(a:Article)
WHERE b.t_dat = date($day) AND c.customer_id IS :: STRING NOT NULL AND a.article_id IS :: STRING NOT NULL
RETURN collect(c.customer_id) AS customers, collect(a.article_id) AS articles,
       collect(coalesce(b.price, 0.0 / 0.0)) AS prices, collect(coalesce(b.quantity, 1)) AS quantities,
       collect(coalesce(b.sales_channel_id, 0)) AS channels
