// known_customers: what the graph has of these customers, to send only what differs
// $ids: list   customer ids
// :params {ids: ['1', '2']}
// returns id, properties
UNWIND $ids AS id
MATCH (c:Customer {customer_id: id})
RETURN id, c { .FN, .Active, .club_member_status, .fashion_news_frequency, .age, .postal_code } AS properties
