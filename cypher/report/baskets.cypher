// baskets: number of baskets by number of pieces; a basket is what a customer buys on one day
// returns pieces, baskets
MATCH (c:Customer)
CALL (c) {
  MATCH (c)-[b:BOUGHT]->()
  WITH b.t_dat AS day, sum(b.quantity) AS pieces
  RETURN pieces, count(*) AS n
}
RETURN pieces, sum(n) AS baskets
ORDER BY pieces
