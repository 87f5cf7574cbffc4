// tidy_models: remove the (:Model) of a write-back that was interrupted before it was in use
MATCH (m:Model {prepared: true})
DETACH DELETE m
