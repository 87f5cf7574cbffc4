// point_model: tell readers in which slot the embeddings in force are
// $slot: string     embedding or embedding_staged
// :params {slot: 'embedding'}
MATCH (m:Model {in_force: true})
SET m.slot = $slot
