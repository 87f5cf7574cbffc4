// keep_part: store one part of a model file, before its version is in use
// $version: integer
// $part: integer      position of the part, from 0
// $bytes: any         a byte array
// :param [{version, part, bytes}] => { RETURN 1 AS version, 0 AS part, null AS bytes }
MERGE (p:ModelPart {version: $version, part: $part})
SET p.bytes = $bytes
