// write_embeddings: embeddings of some nodes into one of the two slots, as 32-bit floats
// $slot: string          embedding, or embedding_staged while readers still need the version before
// $rows: list            pairs of a node's number and its embedding
// :param [{slot, rows}] => { RETURN 'embedding_staged' AS slot, [[0, [0.6, 0.8]]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (n) WHERE id(n) = row[0]
CALL db.create.setNodeVectorProperty(n, $slot, row[1])
RETURN count(*) AS written
