// create_segments: create the (:Segment) nodes of a version that is not in force yet
// $version: integer
// $segments: list      properties of each: name, size, traits, centre, by, source
// :param [{version, segments}] => { RETURN 1 AS version, [{name: 'GROCERY', size: 10, traits: [], centre: [1.0], by: 'departments', source: ['GROCERY']}] AS segments }
UNWIND $segments AS row
MERGE (s:Segment {version: $version, name: row.name})
SET s += row, s.created = datetime()
