// await_indexes: wait until every index answers
// $seconds: integer = 1800   how long at most
// :param [{seconds}] => { RETURN 1800 AS seconds }
CALL db.awaitIndexes($seconds)
