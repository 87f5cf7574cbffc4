// scopes_of_customer: which of several conditions a customer fulfils, by their places in the list
//
// $customer_id: string
// $conditions: list   each as $customers_where of passing_customers; docs/audience.md
// :param [{customer_id, conditions}] => { RETURN '1' AS customer_id, [[[['age', '>=', 30]]]] AS conditions }
// returns matches
MATCH (c:Customer {customer_id: $customer_id})
WITH c, COLLECT {
  MATCH (now:SegmentsInForce)
  WITH now.version AS version
  MATCH (c)-[:IN_SEGMENT]->(s:Segment {version: version})
  RETURN s.name LIMIT 1
}[0] AS segment
RETURN [place IN range(0, size($conditions) - 1)
        WHERE all(clause IN $conditions[place] WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'segment' THEN segment ELSE c[test[0]] END] WHERE CASE test[1]
          WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
          WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
          WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
          WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
        END)))] AS matches
