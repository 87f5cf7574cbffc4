// keep_ranker: the trees that order candidates, beside the version whose embeddings they were made with
// $version: integer
// $text: string      as JSON
// :param [{version, text}] => { RETURN 1 AS version, '{}' AS text }
MERGE (r:Ranker {version: $version})
SET r.text = $text
