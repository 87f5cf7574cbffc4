// duplicate_ids: ids that several nodes of a label share, so that their constraint cannot be made
// $k: integer = 3   how many
// :param [{k}] => { RETURN 3 AS k }
// returns label, key, id, nodes
CALL () {
  MATCH (n:Customer) WHERE n.customer_id IS NOT NULL WITH n.customer_id AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Customer' AS label, 'customer_id' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Article) WHERE n.article_id IS NOT NULL WITH n.article_id AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Article' AS label, 'article_id' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Product) WHERE n.product_code IS NOT NULL WITH n.product_code AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Product' AS label, 'product_code' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:ProductType) WHERE n.product_type_no IS NOT NULL WITH n.product_type_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'ProductType' AS label, 'product_type_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:ProductGroup) WHERE n.product_group_name IS NOT NULL WITH n.product_group_name AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'ProductGroup' AS label, 'product_group_name' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Colour) WHERE n.colour_group_code IS NOT NULL WITH n.colour_group_code AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Colour' AS label, 'colour_group_code' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Appearance) WHERE n.graphical_appearance_no IS NOT NULL WITH n.graphical_appearance_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Appearance' AS label, 'graphical_appearance_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Department) WHERE n.department_no IS NOT NULL WITH n.department_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Department' AS label, 'department_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Section) WHERE n.section_no IS NOT NULL WITH n.section_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Section' AS label, 'section_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:GarmentGroup) WHERE n.garment_group_no IS NOT NULL WITH n.garment_group_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'GarmentGroup' AS label, 'garment_group_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:IndexGroup) WHERE n.index_group_no IS NOT NULL WITH n.index_group_no AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'IndexGroup' AS label, 'index_group_no' AS key, toString(id) AS id, nodes
  UNION ALL
  MATCH (n:Load) WHERE n.id IS NOT NULL WITH n.id AS id, count(*) AS nodes WHERE nodes > 1 RETURN 'Load' AS label, 'id' AS key, toString(id) AS id, nodes
}
RETURN label, key, id, nodes
ORDER BY nodes DESC, label, id
LIMIT $k
