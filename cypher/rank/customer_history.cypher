// customer_history: a customer's input to the ranker: attributes, and the article and day of every purchase
// $customer_id: string
// :param [{customer_id}] => { RETURN '1' AS customer_id }
// returns age, club_member_status, fashion_news_frequency, postal_code, articles, days
MATCH (c:Customer {customer_id: $customer_id})
CALL (c) {
  MATCH (c)-[b:BOUGHT]->()
  WHERE b.t_dat IS :: DATE NOT NULL AND b.article_id IS :: STRING NOT NULL
  WITH b ORDER BY b.t_dat
  RETURN collect(b.article_id) AS articles, collect(duration.inDays(date('1970-01-01'), b.t_dat).days) AS days
}
RETURN c.age AS age, c.club_member_status AS club_member_status, c.fashion_news_frequency AS fashion_news_frequency,
       c.postal_code AS postal_code, articles, days
