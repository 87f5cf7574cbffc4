  CALL (a, rare_taste, until, taste_rate) {
    MATCH (a)<-[b:BOUGHT]-(n)
    WHERE b.t_dat < until
