// write_segment_members: put customers into segments of a version
// $version: integer
// $customers: list     ids
// $segments: list      the name of each customer's segment
// :param [{version, customers, segments}] => { RETURN 1 AS version, ['1'] AS customers, ['GROCERY'] AS segments }
UNWIND range(0, size($customers) - 1) AS place
MATCH (c:Customer {customer_id: $customers[place]})
MATCH (s:Segment {version: $version, name: $segments[place]})
MERGE (c)-[:IN_SEGMENT]->(s)
