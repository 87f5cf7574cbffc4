// model_versions: the trained models, newest first, and whether each is stored completely, so that it can be used again
// $version: integer = null   only this version
// :param [{version}] => { RETURN null AS version }
// returns model, kept
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model)
WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL AND NOT coalesce(m.prepared, false) AND ($version IS NULL OR m.version = $version)
RETURN m {.*, in_force: coalesce(m.version = version, false)} AS model,
       m.parts IS NOT NULL AND COUNT { (m)-[:KEPT_IN]->(:ModelPart) } = m.parts AS kept
ORDER BY m.version DESC
