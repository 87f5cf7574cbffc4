// segment: the figures of a segment in force
// $name: string
// :param [{name}] => { RETURN 'GROCERY' AS name }
// returns name, customers, share, traits, mean_age, grouped_by, created
MATCH (now:SegmentsInForce)
WITH now.version AS version
MATCH (s:Segment {version: version})
WHERE s.name IS :: STRING NOT NULL
WITH collect(s) AS segments, 1.0 * sum(s.size) AS total
UNWIND segments AS s
WITH s, total
WHERE s.name = $name
RETURN s.name AS name, s.size AS customers, CASE total WHEN 0 THEN 0.0 ELSE s.size / total END AS share, s.traits AS traits,
       COLLECT { MATCH (s)<-[:IN_SEGMENT]-(c:Customer) RETURN avg(c.age) }[0] AS mean_age, s.by AS grouped_by, toString(s.created) AS created
