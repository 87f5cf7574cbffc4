// unknown_embeddings: customers and articles whose embedding hmrec did not write, by the number of its dimensions
// An embedding is hmrec's if a (:Model) has as many dimensions. Customers are looked at only if no model has been trained.
// $dims: list = []   numbers of dimensions of hmrec's own vector indexes
// :param [{dims}] => { RETURN [] AS dims }
// returns label, property, dim, nodes
CALL () {
  MATCH (m:Model)
  WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL
  RETURN collect(DISTINCT m.dim) + $dims AS dims
}
CALL (dims) {
  MATCH (n:Article)
  WHERE n.article_id IS :: STRING NOT NULL AND (n.embedding IS NOT NULL OR n.embedding_staged IS NOT NULL)
  RETURN 'Article' AS label, n
  UNION ALL
  WITH * WHERE dims = []
  MATCH (n:Customer)
  WHERE n.customer_id IS :: STRING NOT NULL AND (n.embedding IS NOT NULL OR n.embedding_staged IS NOT NULL)
  RETURN 'Customer' AS label, n
}
UNWIND ['embedding', 'embedding_staged'] AS property
WITH dims, label, property, n[property] AS value
WHERE value IS NOT NULL
WITH dims, label, property,
     CASE WHEN valueType(value) STARTS WITH 'VECTOR' THEN toInteger(split(split(valueType(value), '(')[1], ')')[0])
          WHEN valueType(value) STARTS WITH 'LIST' THEN size(value)
          ELSE 0 END AS dim
WHERE NOT dim IN dims
RETURN label, property, dim, count(*) AS nodes
ORDER BY nodes DESC, label, property
LIMIT 1
