// tell_embedded: nodes have been embedded by the model in force, so that what was answered before may have changed
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
WHERE m.dim IS NOT NULL
SET m.embedded = datetime()
