// model_versions: the trained models, newest first, each with whether all of its bytes are kept, so that it can be put in force again
// $version: integer = null   only this one
// :param [{version}] => { RETURN null AS version }
// returns model, kept
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model)
WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL AND NOT coalesce(m.prepared, false) AND ($version IS NULL OR m.version = $version)
RETURN m {.*, in_force: coalesce(m.version = version, false)} AS model,
       m.parts IS NOT NULL AND COUNT { (m)-[:KEPT_IN]->(:ModelPart) } = m.parts AS kept
ORDER BY m.version DESC
