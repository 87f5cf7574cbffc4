// point_model: tell readers in which slot the embeddings in force are
// $slot: string     embedding or embedding_staged
// :param [{slot}] => { RETURN 'embedding' AS slot }
MATCH (m:Model {in_force: true})
SET m.slot = $slot
