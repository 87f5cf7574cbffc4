// start_experiment: write an experiment that begins now; returns no row if one is running or has its name
//
// The first lines take a lock, so that of two experiments that start at once only one is written.
//
// $experiment: map   name, arms, share, salt, window
// :param [{experiment}] => { RETURN {name: 'hybrid-or-cf', arms: ['hybrid', 'user_based_cf'], share: 50.0, salt: 'hybrid-or-cf', window: 7} AS experiment }
// returns name
MERGE (v:EventVersion {id: 1})
ON CREATE SET v.version = 0
SET v.locked = true
REMOVE v.locked
WITH v
WHERE NOT EXISTS { MATCH (e:Experiment) WHERE e.salt IS :: STRING NOT NULL AND (e.stopped IS NULL OR e.name = $experiment.name) }
CREATE (e:Experiment)
SET e = $experiment, e.started = datetime()
RETURN e.name AS name
