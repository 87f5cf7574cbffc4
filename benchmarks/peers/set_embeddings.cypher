// set_embeddings: the plain way: set a list of 64-bit floats on each node, found by its id
// $rows: list     pairs of an article's or customer's id and its embedding
// :param [{rows}] => { RETURN [['1', [0.6, 0.8]]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (c:Customer {customer_id: row[0]})
SET c.plain = row[1]
RETURN count(*) AS written
