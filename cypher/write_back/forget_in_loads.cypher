// forget_in_loads: remove a customer from the lists of changed customers on the (:Load) nodes
// $customer_id: string
// :param [{customer_id}] => { RETURN '1' AS customer_id }
// returns loads
MATCH (l:Load)
WHERE l.started IS :: STRING NOT NULL AND $customer_id IN l.customers_written
SET l.customers_written = [id IN l.customers_written WHERE id <> $customer_id]
RETURN count(l) AS loads
