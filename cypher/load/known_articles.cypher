// known_articles: the stored values of these articles, to send only what differs
// linked is an article's number of relationships to attributes; right is how many of them lead to the node its properties name
// $ids: list   article ids
// :param [{ids}] => { RETURN ['0108775015'] AS ids }
// returns id, properties, linked, right
UNWIND $ids AS id
MATCH (a:Article {article_id: id})
RETURN id, properties(a) AS properties,
  COUNT { (a)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->() } AS linked,
  COUNT { (a)-[:VARIANT_OF]->(:Product {product_code: a.product_code}) }
  + COUNT { (a)-[:HAS_TYPE]->(:ProductType {product_type_no: a.product_type_no}) }
  + COUNT { (a)-[:IN_PRODUCT_GROUP]->(:ProductGroup {product_group_name: a.product_group_name}) }
  + COUNT { (a)-[:HAS_COLOUR]->(:Colour {colour_group_code: a.colour_group_code}) }
  + COUNT { (a)-[:HAS_APPEARANCE]->(:Appearance {graphical_appearance_no: a.graphical_appearance_no}) }
  + COUNT { (a)-[:IN_DEPARTMENT]->(:Department {department_no: a.department_no}) }
  + COUNT { (a)-[:IN_SECTION]->(:Section {section_no: a.section_no}) }
  + COUNT { (a)-[:IN_GARMENT_GROUP]->(:GarmentGroup {garment_group_no: a.garment_group_no}) }
  + COUNT { (a)-[:IN_INDEX_GROUP]->(:IndexGroup {index_group_no: a.index_group_no}) } AS right
