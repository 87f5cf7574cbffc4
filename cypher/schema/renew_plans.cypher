// renew_plans: sample the indexes again, and forget the plans of all queries, which the server made for the graph as it was
// $seconds: integer = 300   maximum wait
// :param [{seconds}] => { RETURN 300 AS seconds }
CALL db.prepareForReplanning($seconds)
