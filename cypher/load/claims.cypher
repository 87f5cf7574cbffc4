// claims: the transactions with which hmrec is loading into a database now, oldest first
// what is 'claim' for the transaction that represents a whole load, else the name of the running query
// Ordered by the counter at the end of the transaction's name, because the server's clock may be set back
// $database: string
// :param [{database}] => { RETURN 'neo4j' AS database }
// returns id, what, who, call
SHOW TRANSACTIONS YIELD transactionId, database AS home, metaData
WHERE metaData.hmrec IS NOT NULL AND home = $database
RETURN metaData.id AS id, metaData.hmrec AS what, metaData.who AS who, metaData.call AS call
ORDER BY toInteger(last(split(transactionId, '-')))
