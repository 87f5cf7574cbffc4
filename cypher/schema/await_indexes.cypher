// await_indexes: wait until every index answers
// $seconds: integer = 1800   how long at most
// :params {seconds: 1800}
CALL db.awaitIndexes($seconds)
