// tidy_models: remove the (:Model) of a write-back that was interrupted before it was in use
MATCH (m:Model {prepared: true})
WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL
DETACH DELETE m
