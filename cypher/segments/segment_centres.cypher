// segment_centres: the centres of the segments in force, and what they were made from
// returns version, name, by, source, centre
MATCH (now:SegmentsInForce)
WITH now.version AS version
MATCH (s:Segment {version: version})
WHERE s.name IS :: STRING NOT NULL
RETURN s.version AS version, s.name AS name, s.by AS by, s.source AS source, s.centre AS centre
ORDER BY name
