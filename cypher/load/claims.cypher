// claims: the transactions in which hmrec is loading into a database now, the first that began first
// what is 'claim' for the one that stands for a whole load, else the name of the query that is running
// by the number at the end of their names, which the server counts up, and not by its clock, which may be set back
// $database: string
// :param [{database}] => { RETURN 'neo4j' AS database }
// returns id, what, who, call
SHOW TRANSACTIONS YIELD transactionId, database AS home, metaData
WHERE metaData.hmrec IS NOT NULL AND home = $database
RETURN metaData.id AS id, metaData.hmrec AS what, metaData.who AS who, metaData.call AS call
ORDER BY toInteger(last(split(transactionId, '-')))
