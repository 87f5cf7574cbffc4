// old_transactions: how many queries of this database that run now began before a moment; they may still look at the slot before
// $database: string
// $until: integer     milliseconds since 1970 by the server's clock
// :param [{database, until}] => { RETURN 'neo4j' AS database, timestamp() AS until }
// returns running
SHOW TRANSACTIONS YIELD database AS home, startTime, metaData, currentQuery
WHERE home = $database AND metaData.hmrec IS NULL
  AND datetime(startTime).epochMillis < $until AND NOT currentQuery STARTS WITH '// old_transactions'
RETURN count(*) AS running
