// clear_plain: remove what set_embeddings wrote
MATCH (c:Customer)
WHERE c.plain IS NOT NULL
CALL (c) { REMOVE c.plain } IN TRANSACTIONS OF 2000 ROWS
