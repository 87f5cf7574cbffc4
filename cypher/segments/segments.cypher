// segments: the segments of customers in force, the largest first
// traits: what distinguishes its customers from others, such as 'GROCERY 2.1 times as often'; share: of all customers in a segment
// returns name, customers, share, traits
MATCH (now:SegmentsInForce)
WITH now.version AS version
MATCH (s:Segment {version: version})
WHERE s.name IS :: STRING NOT NULL
WITH collect(s) AS segments, 1.0 * sum(s.size) AS total
UNWIND segments AS s
RETURN s.name AS name, s.size AS customers, CASE total WHEN 0 THEN 0.0 ELSE s.size / total END AS share, s.traits AS traits
ORDER BY customers DESC, name
