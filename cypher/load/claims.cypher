// claims: the transactions in which hmrec is loading into a database now, oldest first
// what is 'claim' for the one that stands for a whole load, else the name of the query that is running
// $database: string
// :param [{database}] => { RETURN 'neo4j' AS database }
// returns id, what, who
SHOW TRANSACTIONS YIELD transactionId, database AS home, metaData, startTime
WHERE metaData.hmrec IS NOT NULL AND home = $database
RETURN metaData.id AS id, metaData.hmrec AS what, metaData.who AS who
ORDER BY startTime, transactionId
