// delete_graph: remove hmrec's relationships and then its nodes, in parts, except for the load that asks for it
// Nodes and relationships of others stay, and so does a node of hmrec's that has a relationship of theirs, without its embedding.
// $keep: string = ""   id of the (:Load) to keep
// :param [{keep}] => { RETURN '' AS keep }
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[r:BOUGHT|TAKEN_BACK|ORDERED|RETURNED|VIEWED|ADDED_TO_CART]->(a:Article)
  WHERE a.article_id IS :: STRING NOT NULL AND r.t_dat IS :: DATE NOT NULL
  DELETE r
} IN TRANSACTIONS OF 500 ROWS;
MATCH (i:Impression)
WHERE i.impression_id IS :: STRING NOT NULL
CALL (i) {
  MATCH (i)-[r:OF|SHOWED]->(n:Customer|Article)
  WHERE n.customer_id IS :: STRING NOT NULL OR n.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 500 ROWS;
MATCH (i:Impression)
WHERE i.impression_id IS :: STRING NOT NULL AND NOT EXISTS { (i)--() }
CALL (i) { DELETE i } IN TRANSACTIONS OF 20000 ROWS;
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[r:RECOMMENDED]->(a:Article)
  WHERE r.version IS :: INTEGER NOT NULL AND a.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 500 ROWS;
MATCH (d:Department)
WHERE d.department_no IS NOT NULL
CALL (d) {
  MATCH (d)-[r:SELLS|RECEIVED]->(a:Article)
  WHERE r.version IS :: INTEGER NOT NULL AND a.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 10 ROWS;
MATCH (g:CustomerGroup)
WHERE g.version IS :: INTEGER NOT NULL AND g.number IS :: INTEGER NOT NULL
CALL (g) {
  MATCH (g)-[r:BUYS]->(a:Article)
  WHERE a.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 20 ROWS;
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
CALL (a) {
  MATCH (a)-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR]->(x:Article)
  WHERE r.version IS :: INTEGER NOT NULL AND x.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 500 ROWS;
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
CALL (a) {
  MATCH (a)-[r:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(n)
  WHERE n:Product AND n.product_code IS NOT NULL
       OR n:ProductType AND n.product_type_no IS NOT NULL
       OR n:ProductGroup AND n.product_group_name IS NOT NULL
       OR n:Colour AND n.colour_group_code IS NOT NULL
       OR n:Appearance AND n.graphical_appearance_no IS NOT NULL
       OR n:Department AND n.department_no IS NOT NULL
       OR n:Section AND n.section_no IS NOT NULL
       OR n:GarmentGroup AND n.garment_group_no IS NOT NULL
       OR n:IndexGroup AND n.index_group_no IS NOT NULL
  DELETE r
} IN TRANSACTIONS OF 5000 ROWS;
MATCH (c:Customer)-[r:IN_SEGMENT]->(s:Segment)
WHERE c.customer_id IS :: STRING NOT NULL AND s.version IS :: INTEGER NOT NULL AND s.name IS :: STRING NOT NULL
CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Customer)
WHERE n.customer_id IS :: STRING NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Article)
WHERE n.article_id IS :: STRING NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Product)
WHERE n.product_code IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:ProductType)
WHERE n.product_type_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:ProductGroup)
WHERE n.product_group_name IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Colour)
WHERE n.colour_group_code IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Appearance)
WHERE n.graphical_appearance_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Department)
WHERE n.department_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Section)
WHERE n.section_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:GarmentGroup)
WHERE n.garment_group_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:IndexGroup)
WHERE n.index_group_no IS NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Customer|Article)
WHERE (n.embedding IS NOT NULL OR n.embedding_staged IS NOT NULL)
  AND (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
  AND EXISTS { MATCH (m:Model) WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL }
CALL (n) { REMOVE n.embedding, n.embedding_staged } IN TRANSACTIONS OF 2000 ROWS;
MATCH (m:Model)-[r:KEPT_IN|RANKED_BY]->(p:ModelPart|Ranker)
WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL AND p.version IS :: INTEGER NOT NULL
DELETE r;
MATCH (n:ModelPart|Ranker|Model|ModelInForce|StockVersion|EventVersion|EventDay|Segment|SegmentsInForce|Relations|RelationsInForce|CustomerGroup|Lists|ListsInForce)
WHERE n.version IS :: INTEGER NOT NULL
  AND (n:ModelInForce OR n:StockVersion OR n:EventVersion OR n:EventDay OR n:SegmentsInForce OR n:RelationsInForce OR n:ListsInForce OR n:Lists AND n.k IS :: INTEGER NOT NULL OR n:Relations AND n.bought_with IS :: INTEGER NOT NULL OR n:CustomerGroup AND n.number IS :: INTEGER NOT NULL OR n:Segment AND n.name IS :: STRING NOT NULL OR n:Model AND n.dim IS :: INTEGER NOT NULL OR n:ModelPart AND n.bytes IS NOT NULL
       OR n:Ranker AND n.text IS :: STRING NOT NULL)
  AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20 ROWS;
MATCH (n:Rule)
WHERE n.name IS :: STRING NOT NULL AND n.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share'] AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Experiment)
WHERE n.name IS :: STRING NOT NULL AND n.salt IS :: STRING NOT NULL AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS;
MATCH (n:Load)
WHERE n.id IS :: STRING NOT NULL AND n.started IS :: STRING NOT NULL AND n.id <> $keep AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS
