// load_attributes: the attribute nodes that articles share, such as departments, colours and products
// $rows: list   maps of label, key and name
// :param [{rows}] => { RETURN [{label: 'Department', key: 1201, name: 'Jersey Basic'}] AS rows }
UNWIND $rows AS row
FOREACH (_ IN CASE row.label WHEN 'Product' THEN [1] ELSE [] END |
  MERGE (n:Product {product_code: row.key}) SET n.prod_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'ProductType' THEN [1] ELSE [] END |
  MERGE (n:ProductType {product_type_no: row.key}) SET n.product_type_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'ProductGroup' THEN [1] ELSE [] END |
  MERGE (n:ProductGroup {product_group_name: row.key}))
FOREACH (_ IN CASE row.label WHEN 'Colour' THEN [1] ELSE [] END |
  MERGE (n:Colour {colour_group_code: row.key}) SET n.colour_group_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'Appearance' THEN [1] ELSE [] END |
  MERGE (n:Appearance {graphical_appearance_no: row.key}) SET n.graphical_appearance_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'Department' THEN [1] ELSE [] END |
  MERGE (n:Department {department_no: row.key}) SET n.department_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'Section' THEN [1] ELSE [] END |
  MERGE (n:Section {section_no: row.key}) SET n.section_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'GarmentGroup' THEN [1] ELSE [] END |
  MERGE (n:GarmentGroup {garment_group_no: row.key}) SET n.garment_group_name = row.name)
FOREACH (_ IN CASE row.label WHEN 'IndexGroup' THEN [1] ELSE [] END |
  MERGE (n:IndexGroup {index_group_no: row.key}) SET n.index_group_name = row.name)
