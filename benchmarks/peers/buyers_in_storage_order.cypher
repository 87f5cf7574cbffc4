  CALL (a, rare_weight, until, rate) {
    MATCH (a)<-[b:BOUGHT]-(n)
    WHERE b.t_dat < until
    WITH n, b, rare_weight, until, rate
    LIMIT $buyers
