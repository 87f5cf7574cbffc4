// export_customers: the customers of a subgraph, with the properties that features and segments are made of
// $customers: list = null     their ids; null for every customer
// $limit: integer = null      only the first so many, in the order of their ids
// :param [{customers, limit}] => { RETURN null AS customers, 12 AS limit }
// returns node, customer_id, age, FN, Active, club_member_status, fashion_news_frequency, postal_code
MATCH (c:Customer)
WHERE $customers IS NULL OR c.customer_id IN $customers
RETURN id(c) AS node, c.customer_id AS customer_id, c.age AS age, c.FN AS FN, c.Active AS Active,
       c.club_member_status AS club_member_status, c.fashion_news_frequency AS fashion_news_frequency, c.postal_code AS postal_code
ORDER BY customer_id
LIMIT toInteger(coalesce($limit, 9223372036854775807))
