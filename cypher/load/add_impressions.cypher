// add_impressions: record lists that customers were shown; a list whose id is known is not recorded again
//
// Lists of unknown customers and unknown articles are left out. segment: the customer's segment at this time.
//
// $impressions: list   maps of impression_id, customer_id, shown_at, expires, method, version, experiment, arm, and articles: lists of article_id and propensity, in the order of their places
// :param [{impressions}] => { RETURN [] AS impressions }
// returns recorded
UNWIND $impressions AS shown
MATCH (c:Customer {customer_id: shown.customer_id})
MERGE (i:Impression {impression_id: shown.impression_id})
WITH i, c, shown
WHERE i.shown_at IS NULL
SET i += {shown_at: shown.shown_at, expires: shown.expires, method: shown.method, version: shown.version,
          experiment: shown.experiment, arm: shown.arm, segment: COLLECT {
            MATCH (now:SegmentsInForce)
            WITH now.version AS version
            MATCH (c)-[:IN_SEGMENT]->(s:Segment {version: version})
            RETURN s.name LIMIT 1
          }[0]}
CREATE (i)-[:OF]->(c)
WITH i, shown
CALL (i, shown) {
  UNWIND range(0, size(shown.articles) - 1) AS place
  MATCH (a:Article {article_id: shown.articles[place][0]})
  CREATE (i)-[:SHOWED {rank: place + 1, propensity: shown.articles[place][1]}]->(a)
}
RETURN count(i) AS recorded
