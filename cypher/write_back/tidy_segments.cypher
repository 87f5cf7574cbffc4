// tidy_segments: remove the segments that are not in force, in parts: earlier ones, and those of a killed run
OPTIONAL MATCH (now:SegmentsInForce)
WITH coalesce(now.version, 0) AS version
MATCH (s:Segment)
WHERE s.version IS :: INTEGER NOT NULL AND s.name IS :: STRING NOT NULL AND s.version <> version
MATCH (s)<-[r:IN_SEGMENT]-()
CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS;
OPTIONAL MATCH (now:SegmentsInForce)
WITH coalesce(now.version, 0) AS version
MATCH (s:Segment)
WHERE s.version IS :: INTEGER NOT NULL AND s.name IS :: STRING NOT NULL AND s.version <> version AND NOT EXISTS { (s)--() }
CALL (s) { DELETE s } IN TRANSACTIONS OF 1000 ROWS
