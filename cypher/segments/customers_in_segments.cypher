// customers_in_segments: the customers who are in a segment in force
// returns customer_id
MATCH (now:SegmentsInForce)
WITH now.version AS version
MATCH (s:Segment {version: version})<-[:IN_SEGMENT]-(c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
RETURN c.customer_id AS customer_id
