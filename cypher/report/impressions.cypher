// impressions: the lists that customers were shown, each with what the customer bought and viewed afterwards
//
// A purchase, a view or an addition to the cart belongs to a list if its event has the list's impression_id. An event without one belongs
// to every list of the customer that was shown in the $window days before it. A purchase from a file has no time: it counts from the day of
// the list until the last day of the window.
//
// $since: date = null          lists shown on this day (UTC) or later
// $until: date = null          lists shown before this day
// $window: integer = 7         days
// $experiment: string = null   only lists of this experiment
// :param [{since, until, window, experiment}] => { RETURN null AS since, null AS until, 7 AS window, null AS experiment }
// returns impression_id, customer_id, shown_at, method, version, segment, experiment, arm, articles, bought, viewed
MATCH (i:Impression)
WHERE i.impression_id IS :: STRING NOT NULL AND i.method IS :: STRING NOT NULL
  AND i.shown_at >= datetime({date: coalesce(date($since), date('0001-01-01'))})
  AND i.shown_at < datetime({date: coalesce(date($until), date('9999-12-31'))})
  AND ($experiment IS NULL OR i.experiment = $experiment)
MATCH (i)-[:OF]->(c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
WITH i, c, i.shown_at + duration({days: $window}) AS end
ORDER BY i.shown_at, i.impression_id
RETURN i.impression_id AS impression_id, c.customer_id AS customer_id, i.shown_at AS shown_at, i.method AS method, i.version AS version,
       i.segment AS segment, i.experiment AS experiment, i.arm AS arm,
       COLLECT { MATCH (i)-[s:SHOWED]->(a:Article) RETURN [a.article_id, s.propensity] ORDER BY s.rank } AS articles,
       COLLECT {
         MATCH (c)-[o:ORDERED]->(a:Article)
         WHERE o.impression_id = i.impression_id OR o.impression_id IS NULL AND i.shown_at <= o.time AND o.time < end
         RETURN a.article_id AS id
         UNION
         MATCH (c)-[b:BOUGHT]->(a:Article)
         WHERE date(i.shown_at) <= b.t_dat AND b.t_dat <= date(end) AND NOT EXISTS { MATCH (c)-[o:ORDERED {t_dat: b.t_dat}]->(a) }
         RETURN a.article_id AS id
       } AS bought,
       COLLECT {
         MATCH (c)-[v:VIEWED|ADDED_TO_CART]->(a:Article)
         WHERE v.impression_id = i.impression_id OR v.impression_id IS NULL AND i.shown_at <= v.time AND v.time < end
         RETURN DISTINCT a.article_id
       } AS viewed
