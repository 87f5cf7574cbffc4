// create_purchases: create purchases that are not in the graph, given as columns and grouped by customer
// once: running it twice would duplicate the purchases
// $customers: list    [customer_id, position of the first purchase, position of the last one]
// $articles: list     article_id by position
// $days: list         by position, the position of its day in $dates
// $dates: list        the days that occur
// $prices: list       by position
// $channels: list     sales_channel_id by position
// $quantities: list   by position
// :param [{customers, articles, days, dates, prices, channels, quantities}] => { RETURN [['1', 0, 0]] AS customers, ['0108775015'] AS articles, [0] AS days, [date('2020-09-01')] AS dates, [0.05] AS prices, [2] AS channels, [1] AS quantities }
UNWIND $customers AS customer
MATCH (c:Customer {customer_id: customer[0]})
UNWIND range(customer[1], customer[2]) AS i
MATCH (a:Article {article_id: $articles[i]})
CREATE (c)-[:BOUGHT {t_dat: $dates[$days[i]], article_id: $articles[i], quantity: $quantities[i],
                     sales_channel_id: $channels[i], price: $prices[i]}]->(a)
