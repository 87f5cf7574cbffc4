// running_queries: queries running on this database other than hmrec's writes, which may have read the (:Model) before it changed
// Compared by name and not by start time, because the server's clock may be set back
// $database: string
// :param [{database}] => { RETURN 'neo4j' AS database }
// returns id
SHOW TRANSACTIONS YIELD transactionId, database AS home, metaData, currentQuery
WHERE home = $database AND metaData.hmrec IS NULL AND NOT currentQuery STARTS WITH '// running_queries'
RETURN transactionId AS id
