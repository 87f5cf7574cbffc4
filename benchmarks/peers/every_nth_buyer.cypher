  CALL (a, rare_taste, until, taste_rate) {
    WITH *, 1 + COUNT { (a)<-[:BOUGHT]-() } / $buyers AS step
    MATCH (a)<-[b:BOUGHT]-(n)
    WHERE id(n) % step = 0 AND b.t_dat < until
    WITH n, b, rare_taste, until, taste_rate
