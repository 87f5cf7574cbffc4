// write_embeddings: write the embeddings of some nodes to one of the two slots, as 32-bit floats
// $slot: string          embedding, or embedding_staged while readers still need the previous version
// $nodes: list           node numbers
// $vectors: list         their embeddings, in the same order
// :param [{slot, nodes, vectors}] => { RETURN 'embedding_staged' AS slot, [0] AS nodes, [[0.6, 0.8]] AS vectors }
// returns written
UNWIND range(0, size($nodes) - 1) AS place
MATCH (n) WHERE id(n) = $nodes[place]
CALL db.create.setNodeVectorProperty(n, $slot, $vectors[place])
RETURN count(*) AS written
