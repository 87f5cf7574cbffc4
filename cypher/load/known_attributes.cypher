// known_attributes: the stored values of these attribute nodes, to send only what differs
// $rows: list   maps of label and key
// :param [{rows}] => { RETURN [{label: 'Department', key: 1201}] AS rows }
// returns label, key, name
UNWIND $rows AS row
CALL (row) {
  WITH row WHERE row.label = 'Product' MATCH (n:Product {product_code: row.key}) RETURN n.prod_name AS name
  UNION ALL
  WITH row WHERE row.label = 'ProductType' MATCH (n:ProductType {product_type_no: row.key}) RETURN n.product_type_name AS name
  UNION ALL
  WITH row WHERE row.label = 'ProductGroup' MATCH (n:ProductGroup {product_group_name: row.key}) RETURN null AS name
  UNION ALL
  WITH row WHERE row.label = 'Colour' MATCH (n:Colour {colour_group_code: row.key}) RETURN n.colour_group_name AS name
  UNION ALL
  WITH row WHERE row.label = 'Appearance' MATCH (n:Appearance {graphical_appearance_no: row.key}) RETURN n.graphical_appearance_name AS name
  UNION ALL
  WITH row WHERE row.label = 'Department' MATCH (n:Department {department_no: row.key}) RETURN n.department_name AS name
  UNION ALL
  WITH row WHERE row.label = 'Section' MATCH (n:Section {section_no: row.key}) RETURN n.section_name AS name
  UNION ALL
  WITH row WHERE row.label = 'GarmentGroup' MATCH (n:GarmentGroup {garment_group_no: row.key}) RETURN n.garment_group_name AS name
  UNION ALL
  WITH row WHERE row.label = 'IndexGroup' MATCH (n:IndexGroup {index_group_no: row.key}) RETURN n.index_group_name AS name
}
RETURN row.label AS label, row.key AS key, name
