// tell_embedded: nodes have been embedded by the model in force, so that what was answered before may have changed
MATCH (m:Model {in_force: true})
SET m.embedded = datetime()
