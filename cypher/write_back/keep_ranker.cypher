// keep_ranker: store the ranker's trees with the version of the embeddings that it was trained with
// $version: integer
// $text: string      the trees, as JSON
// :param [{version, text}] => { RETURN 1 AS version, '{}' AS text }
MERGE (r:Ranker {version: $version})
SET r.text = $text
