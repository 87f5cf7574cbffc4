// load_customers: customers by id, with the properties from the file
// $rows: list   maps of customer_id and the file's columns
// :param [{rows}] => { RETURN [{customer_id: '1', age: 40}] AS rows }
UNWIND $rows AS row
MERGE (c:Customer {customer_id: row.customer_id})
SET c += row
