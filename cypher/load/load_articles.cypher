// load_articles: articles by id, with their properties and a relationship to each of their attributes
// $rows: list   maps of article_id and the file's columns
// :param [{rows}] => { RETURN [{article_id: '0108775015', prod_name: 'Strap top', department_no: 1676}] AS rows }
UNWIND $rows AS row
MERGE (a:Article {article_id: row.article_id})
SET a += row
WITH a
CALL (a) {
  MATCH (a)-[old:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->()
  DELETE old
}
CALL (a) { MATCH (n:Product {product_code: a.product_code}) CREATE (a)-[:VARIANT_OF]->(n) }
CALL (a) { MATCH (n:ProductType {product_type_no: a.product_type_no}) CREATE (a)-[:HAS_TYPE]->(n) }
CALL (a) { MATCH (n:ProductGroup {product_group_name: a.product_group_name}) CREATE (a)-[:IN_PRODUCT_GROUP]->(n) }
CALL (a) { MATCH (n:Colour {colour_group_code: a.colour_group_code}) CREATE (a)-[:HAS_COLOUR]->(n) }
CALL (a) { MATCH (n:Appearance {graphical_appearance_no: a.graphical_appearance_no}) CREATE (a)-[:HAS_APPEARANCE]->(n) }
CALL (a) { MATCH (n:Department {department_no: a.department_no}) CREATE (a)-[:IN_DEPARTMENT]->(n) }
CALL (a) { MATCH (n:Section {section_no: a.section_no}) CREATE (a)-[:IN_SECTION]->(n) }
CALL (a) { MATCH (n:GarmentGroup {garment_group_no: a.garment_group_no}) CREATE (a)-[:IN_GARMENT_GROUP]->(n) }
CALL (a) { MATCH (n:IndexGroup {index_group_no: a.index_group_no}) CREATE (a)-[:IN_INDEX_GROUP]->(n) }
