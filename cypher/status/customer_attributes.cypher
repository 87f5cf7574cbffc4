// customer_attributes: a customer's attributes from the file
// $customer_id: string
// :param [{customer_id}] => { RETURN '1' AS customer_id }
// returns FN, Active, club_member_status, fashion_news_frequency, age, postal_code
MATCH (c:Customer {customer_id: $customer_id})
RETURN c.FN AS FN, c.Active AS Active, c.club_member_status AS club_member_status,
       c.fashion_news_frequency AS fashion_news_frequency, c.age AS age, c.postal_code AS postal_code
