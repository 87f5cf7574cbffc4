// delete_similar: remove what write_similar wrote
//
// $customer_id: string
// returns deleted
MATCH (:Customer {customer_id: $customer_id})-[s:SIMILAR]->()
DELETE s
RETURN count(s) AS deleted
