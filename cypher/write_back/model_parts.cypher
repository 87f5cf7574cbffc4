// model_parts: the stored parts of a version's model file, in order
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns part, bytes
MATCH (:Model {version: $version})-[kept:KEPT_IN]->(p:ModelPart)
RETURN kept.part AS part, p.bytes AS bytes
ORDER BY part
