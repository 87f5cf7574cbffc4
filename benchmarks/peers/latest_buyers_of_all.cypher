  CALL (a, rare_taste, until, taste_rate) {
    MATCH (a)<-[b:BOUGHT]-(n)
    WHERE b.t_dat < until
    WITH n, b, rare_taste, until, taste_rate
    ORDER BY b.t_dat DESC
    LIMIT $buyers
