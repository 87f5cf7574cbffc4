// keep_part: one part of a model's bytes, before its version is in force
// $version: integer
// $part: integer      its place, from 0
// $bytes: any         a byte array
// :param [{version, part, bytes}] => { RETURN 1 AS version, 0 AS part, null AS bytes }
MERGE (p:ModelPart {version: $version, part: $part})
SET p.bytes = $bytes
