// known_customers: the stored values of these customers, to send only what differs
// $ids: list   customer ids
// :param [{ids}] => { RETURN ['1', '2'] AS ids }
// returns id, properties
UNWIND $ids AS id
MATCH (c:Customer {customer_id: id})
RETURN id, c { .FN, .Active, .club_member_status, .fashion_news_frequency, .age, .postal_code } AS properties
