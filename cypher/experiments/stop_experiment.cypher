// stop_experiment: end an experiment, and make one of its methods the service's default
//
// $name: string
// $keep: string = null   the method to keep; null leaves the service's default as it is
// :param [{name, keep}] => { RETURN 'hybrid-or-cf' AS name, null AS keep }
// returns name
MATCH (e:Experiment {name: $name})
WHERE e.salt IS :: STRING NOT NULL
SET e.stopped = coalesce(e.stopped, datetime()),
    e.kept_at = CASE WHEN $keep IS NULL THEN e.kept_at ELSE datetime() END,
    e.kept = coalesce($keep, e.kept)
RETURN e.name AS name
