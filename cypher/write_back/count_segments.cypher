// count_segments: set the sizes of a version's segments to the numbers of their customers
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
MATCH (s:Segment {version: $version})
WHERE s.name IS :: STRING NOT NULL
SET s.size = COUNT { (s)<-[:IN_SEGMENT]-() }
