// baskets: number of baskets by number of pieces; a basket is what a customer buys on one day
// returns pieces, baskets
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat IS :: DATE NOT NULL AND a.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day, sum(b.quantity) AS pieces
  RETURN pieces, count(*) AS n
}
RETURN pieces, sum(n) AS baskets
ORDER BY pieces
