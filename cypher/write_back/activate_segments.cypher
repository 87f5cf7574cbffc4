// activate_segments: make all readers use this version of the segments from now on
// As with models, a single number selects the version, and is changed in place: a reader sees one whole version.
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns version
MATCH (s:Segment {version: $version})
WITH DISTINCT s.version AS version
MERGE (now:SegmentsInForce)
SET now.version = version
RETURN version
