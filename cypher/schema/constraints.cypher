// constraints: unique ids and keys, each with an index
CREATE CONSTRAINT customer_id IF NOT EXISTS FOR (n:Customer) REQUIRE n.customer_id IS UNIQUE;
CREATE CONSTRAINT article_id IF NOT EXISTS FOR (n:Article) REQUIRE n.article_id IS UNIQUE;
CREATE CONSTRAINT product_code IF NOT EXISTS FOR (n:Product) REQUIRE n.product_code IS UNIQUE;
CREATE CONSTRAINT product_type_no IF NOT EXISTS FOR (n:ProductType) REQUIRE n.product_type_no IS UNIQUE;
CREATE CONSTRAINT product_group_name IF NOT EXISTS FOR (n:ProductGroup) REQUIRE n.product_group_name IS UNIQUE;
CREATE CONSTRAINT colour_group_code IF NOT EXISTS FOR (n:Colour) REQUIRE n.colour_group_code IS UNIQUE;
CREATE CONSTRAINT graphical_appearance_no IF NOT EXISTS FOR (n:Appearance) REQUIRE n.graphical_appearance_no IS UNIQUE;
CREATE CONSTRAINT department_no IF NOT EXISTS FOR (n:Department) REQUIRE n.department_no IS UNIQUE;
CREATE CONSTRAINT section_no IF NOT EXISTS FOR (n:Section) REQUIRE n.section_no IS UNIQUE;
CREATE CONSTRAINT garment_group_no IF NOT EXISTS FOR (n:GarmentGroup) REQUIRE n.garment_group_no IS UNIQUE;
CREATE CONSTRAINT index_group_no IF NOT EXISTS FOR (n:IndexGroup) REQUIRE n.index_group_no IS UNIQUE;
CREATE CONSTRAINT load_id IF NOT EXISTS FOR (n:Load) REQUIRE n.id IS UNIQUE;
