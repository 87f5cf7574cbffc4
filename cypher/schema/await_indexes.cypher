// await_indexes: wait until all indexes are online
// $seconds: integer = 1800   maximum wait
// :param [{seconds}] => { RETURN 1800 AS seconds }
CALL db.awaitIndexes($seconds)
