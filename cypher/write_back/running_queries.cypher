// running_queries: the queries of this database that run now and are none of hmrec's writes; they may have looked at the (:Model) before it changed
// by their names and not by when they began: the server's clock may be set back
// $database: string
// :param [{database}] => { RETURN 'neo4j' AS database }
// returns id
SHOW TRANSACTIONS YIELD transactionId, database AS home, metaData, currentQuery
WHERE home = $database AND metaData.hmrec IS NULL AND NOT currentQuery STARTS WITH '// running_queries'
RETURN transactionId AS id
