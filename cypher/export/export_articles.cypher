// export_articles: the articles of a subgraph; purchases refer to them by node number, so that no long id is sent twice
// $properties: list = []      names of the properties to use as features
// $category: string = null    name of an IndexGroup, Department or ProductGroup; null for every article
// :param [{properties, category}] => { RETURN ['index_code'] AS properties, 'GROCERY' AS category }
// returns node, article_id, values
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
  AND ($category IS NULL
   OR EXISTS { (a)-[:IN_INDEX_GROUP]->(:IndexGroup {index_group_name: $category}) }
   OR EXISTS { (a)-[:IN_DEPARTMENT]->(:Department {department_name: $category}) }
   OR EXISTS { (a)-[:IN_PRODUCT_GROUP]->(:ProductGroup {product_group_name: $category}) })
RETURN id(a) AS node, a.article_id AS article_id, [name IN $properties | a[name]] AS values
ORDER BY article_id
