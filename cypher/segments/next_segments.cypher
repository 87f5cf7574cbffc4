// next_segments: the number of the next version of the segments
// returns version
OPTIONAL MATCH (s:Segment|SegmentsInForce)
WHERE s.version IS :: INTEGER NOT NULL
RETURN coalesce(max(s.version), 0) + 1 AS version
