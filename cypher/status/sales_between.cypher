// sales_between: how many purchases each article has on some days
// $first: date     the first of these days
// $end: date       the day after the last
// :param [{first, end}] => { RETURN '2020-08-26' AS first, '2020-09-23' AS end }
// returns article_id, purchases
MATCH ()-[b:BOUGHT]->()
USING INDEX b:BOUGHT(t_dat)
WHERE b.t_dat >= date($first) AND b.t_dat < date($end) AND b.article_id IS :: STRING NOT NULL
RETURN b.article_id AS article_id, count(*) AS purchases
