// new_arrivals: articles that were never sold yet, from the departments that the customer buys from
//
//   taste(c,d) = share of department d in c's purchases, each weighted 0.5 ^ (age in days / half_life)
//   score(c,a) = taste(c, department of a) / rank of a among the department's articles without a purchase before $as_of
//                that pass the filters, highest article_id first, because shops number articles in order of arrival
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       no effect: nobody bought these articles
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         if set, no articles: they have no price yet
// $in_season: integer = null       if set, no articles: they were not sold yet
// $half_life: float = 42.0         days after which a purchase counts half
// $departments: integer = 5        number of departments, those of largest taste
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, half_life, departments}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, 42.0 AS half_life, 5 AS departments }
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31')) AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)-[:IN_DEPARTMENT]->(d:Department)
  WHERE b.t_dat < until
  WITH d, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, d.department_no
  RETURN collect([d, weight]) AS tastes, sum(weight) AS total
}
UNWIND tastes[..$departments] AS item
WITH c, until, item[0] AS d, item[1] / total AS taste
CALL (d, until) {
  MATCH (d)<-[:IN_DEPARTMENT]-(a:Article)
  WHERE $max_price IS NULL AND $in_season IS NULL
    AND a.article_id IS :: STRING NOT NULL
    AND ($department IS NULL OR a.department_name = $department)
    AND ($colour IS NULL OR a.colour_group_name = $colour)
    AND CASE
      WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() } = 0
      ELSE NOT EXISTS {
        MATCH (a)<-[b:BOUGHT]-()
        USING INDEX b:BOUGHT(article_id, t_dat)
        WHERE b.article_id = a.article_id AND b.t_dat < until
      }
    END
  WITH a
  ORDER BY a.article_id DESC
  LIMIT $k
  RETURN collect(a) AS arrived
}
UNWIND range(0, size(arrived) - 1) AS place
WITH c, until, d, arrived[place] AS a, taste / (place + 1) AS score
WHERE NOT ($new_only AND EXISTS { MATCH (c)-[o:BOUGHT]->(a) WHERE o.t_dat < until })
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'new in ' + coalesce(d.department_name, 'a department') + ', where you buy' AS because
