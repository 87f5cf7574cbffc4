// export_attributes: the attribute nodes that articles share, one per row, each with its articles
// $relationships: list = null   types of relationships; null for all
// :param [{relationships}] => { RETURN ['HAS_COLOUR'] AS relationships }
// returns relationship, key, articles
MATCH (a:Article)-[r:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(n)
WHERE a.article_id IS :: STRING NOT NULL AND ($relationships IS NULL OR type(r) IN $relationships)
WITH type(r) AS relationship, n, collect(id(a)) AS articles
WITH relationship, articles,
     coalesce(n.product_code, n.product_type_no, n.product_group_name, n.colour_group_code, n.graphical_appearance_no,
              n.department_no, n.section_no, n.garment_group_no, n.index_group_no) AS key
WHERE key IS NOT NULL
RETURN relationship, key, articles
