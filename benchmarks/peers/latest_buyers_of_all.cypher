  CALL (a, rare_weight, until, rate) {
    MATCH (a)<-[b:BOUGHT]-(n)
    WHERE b.t_dat < until
    WITH n, b, rare_weight, until, rate
    ORDER BY b.t_dat DESC
    LIMIT $buyers
