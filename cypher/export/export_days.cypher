// export_days: number of transaction rows of each day
// $since: date = null     first day
// $until: date = null     the day after the last
// :param [{since, until}] => { RETURN null AS since, null AS until }
// returns t_dat, purchases
MATCH (c:Customer)-[b:BOUGHT]->(a:Article)
WHERE b.t_dat IS :: DATE NOT NULL AND c.customer_id IS :: STRING NOT NULL AND a.article_id IS :: STRING NOT NULL
  AND ($since IS NULL OR b.t_dat >= date($since)) AND ($until IS NULL OR b.t_dat < date($until))
RETURN b.t_dat AS t_dat, sum(b.quantity) AS purchases
ORDER BY t_dat
