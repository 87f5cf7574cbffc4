// delete_graph: remove every relationship and then every node, in batches, except the calling load
// $keep: string = ""   id of the (:Load) to keep
// :param [{keep}] => { RETURN '' AS keep }
MATCH ()-[r]->()
CALL (r) { DELETE r } IN TRANSACTIONS OF 50000 ROWS;
MATCH (n)
WHERE NOT (n:Load AND n.id = $keep)
CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 20000 ROWS
