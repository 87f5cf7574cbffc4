// today: the day after the last purchase, as of which is recommended
// returns until
MATCH ()-[b:BOUGHT]->()
WHERE b.t_dat < date('9999-12-31')
WITH b.t_dat AS day
ORDER BY day DESC
LIMIT 1
RETURN day + duration({days: 1}) AS until
