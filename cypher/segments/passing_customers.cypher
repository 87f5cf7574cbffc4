// passing_customers: customers that fulfil conditions on their properties
// $customers_where: list     conditions such as [[['age', '>=', 30]], [['segment', 'in', ['GROCERY']]]]; docs/audience.md
// :param [{customers_where}] => { RETURN [[['age', '>=', 30]]] AS customers_where }
// returns customer_id
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
  AND all(clause IN $customers_where WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'segment' THEN COLLECT {
      MATCH (now:SegmentsInForce)
      WITH now.version AS version
      MATCH (c)-[:IN_SEGMENT]->(s:Segment {version: version})
      RETURN s.name LIMIT 1
    }[0] ELSE c[test[0]] END] WHERE CASE test[1]
      WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
      WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
      WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
      WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
    END)))
RETURN c.customer_id AS customer_id
