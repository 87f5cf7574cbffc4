// foreign: how much of the database is not hmrec's: nodes without hmrec's labels, or without a usable id
//
// A customer or an article is hmrec's if its id is a string; an attribute if it has its key.
// A load is hmrec's if it has a start as text, a model if it has a version and a `dim`, a rule if it has a name and a kind,
// a shown list if it has an `impression_id` as text, an experiment if it has a name and a `salt`,
// (:Relations) if it has a version and a count `bought_with`, a group of customers if it has a version and a number, and (:Lists) if it has a version and a `k`.
// Counts of hmrec's own nodes come from the indexes of their ids, so all nodes are looked at only if there are others.
//
// returns own, bought, others, labels, customers, articles, bought_by_others
CALL () { MATCH (n) RETURN count(n) AS nodes }
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS all_bought }
CALL () { MATCH (n:Customer) RETURN count(n) AS all_customers }
CALL () { MATCH (n:Article) RETURN count(n) AS all_articles }
CALL () { MATCH (n:Customer) WHERE n.customer_id STARTS WITH '' RETURN count(n) AS own_customers }
CALL () { MATCH (n:Article) WHERE n.article_id STARTS WITH '' RETURN count(n) AS own_articles }
CALL () {
  CALL () {
    MATCH (n:Load) WHERE n.id IS :: STRING NOT NULL AND n.started IS :: STRING NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Model|ModelPart|Ranker|ModelInForce|StockVersion|EventVersion|EventDay|Segment|SegmentsInForce|Relations|RelationsInForce|CustomerGroup|Lists|ListsInForce)
    WHERE n.version IS :: INTEGER NOT NULL
      AND (n:ModelInForce OR n:StockVersion OR n:EventVersion OR n:EventDay OR n:SegmentsInForce OR n:RelationsInForce OR n:ListsInForce OR n:Lists AND n.k IS :: INTEGER NOT NULL OR n:Relations AND n.bought_with IS :: INTEGER NOT NULL OR n:CustomerGroup AND n.number IS :: INTEGER NOT NULL OR n:Segment AND n.name IS :: STRING NOT NULL OR n:Model AND n.dim IS :: INTEGER NOT NULL OR n:ModelPart AND n.bytes IS NOT NULL
           OR n:Ranker AND n.text IS :: STRING NOT NULL)
    RETURN count(n) AS n
    UNION ALL
    MATCH (n:Rule) WHERE n.name IS :: STRING NOT NULL AND n.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share'] RETURN count(n) AS n
    UNION ALL
    MATCH (n:Impression) WHERE n.impression_id IS :: STRING NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Experiment) WHERE n.name IS :: STRING NOT NULL AND n.salt IS :: STRING NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Product) WHERE n.product_code IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:ProductType) WHERE n.product_type_no IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:ProductGroup) WHERE n.product_group_name IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Colour) WHERE n.colour_group_code IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Appearance) WHERE n.graphical_appearance_no IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Department) WHERE n.department_no IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:Section) WHERE n.section_no IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:GarmentGroup) WHERE n.garment_group_no IS NOT NULL RETURN count(n) AS n
    UNION ALL
    MATCH (n:IndexGroup) WHERE n.index_group_no IS NOT NULL RETURN count(n) AS n
  }
  RETURN sum(n) AS own_others
}
WITH all_bought, all_customers - own_customers AS customers, all_articles - own_articles AS articles,
     own_customers + own_articles + own_others AS own, nodes - own_customers - own_articles - own_others AS others
CALL (others) {
  WITH * WHERE others > 0
  MATCH (n)
  WHERE NOT (n:Customer AND n.customer_id IS :: STRING NOT NULL
             OR n:Article AND n.article_id IS :: STRING NOT NULL
             OR n:Load AND n.id IS :: STRING NOT NULL AND n.started IS :: STRING NOT NULL
             OR n:ModelInForce AND n.version IS :: INTEGER NOT NULL
             OR n:StockVersion AND n.version IS :: INTEGER NOT NULL
             OR n:EventVersion AND n.version IS :: INTEGER NOT NULL
             OR n:EventDay AND n.version IS :: INTEGER NOT NULL
             OR n:SegmentsInForce AND n.version IS :: INTEGER NOT NULL
             OR n:Segment AND n.version IS :: INTEGER NOT NULL AND n.name IS :: STRING NOT NULL
             OR n:Rule AND n.name IS :: STRING NOT NULL AND n.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
             OR n:Impression AND n.impression_id IS :: STRING NOT NULL
             OR n:Experiment AND n.name IS :: STRING NOT NULL AND n.salt IS :: STRING NOT NULL
             OR n:ListsInForce AND n.version IS :: INTEGER NOT NULL
             OR n:Lists AND n.version IS :: INTEGER NOT NULL AND n.k IS :: INTEGER NOT NULL
             OR n:RelationsInForce AND n.version IS :: INTEGER NOT NULL
             OR n:Relations AND n.version IS :: INTEGER NOT NULL AND n.bought_with IS :: INTEGER NOT NULL
             OR n:CustomerGroup AND n.version IS :: INTEGER NOT NULL AND n.number IS :: INTEGER NOT NULL
             OR n:Model AND n.version IS :: INTEGER NOT NULL AND n.dim IS :: INTEGER NOT NULL
             OR n:ModelPart AND n.version IS :: INTEGER NOT NULL AND n.bytes IS NOT NULL
             OR n:Ranker AND n.version IS :: INTEGER NOT NULL AND n.text IS :: STRING NOT NULL
             OR n:Product AND n.product_code IS NOT NULL
             OR n:ProductType AND n.product_type_no IS NOT NULL
             OR n:ProductGroup AND n.product_group_name IS NOT NULL
             OR n:Colour AND n.colour_group_code IS NOT NULL
             OR n:Appearance AND n.graphical_appearance_no IS NOT NULL
             OR n:Department AND n.department_no IS NOT NULL
             OR n:Section AND n.section_no IS NOT NULL
             OR n:GarmentGroup AND n.garment_group_no IS NOT NULL
             OR n:IndexGroup AND n.index_group_no IS NOT NULL)
  UNWIND CASE WHEN labels(n) = [] THEN ['(no label)'] ELSE labels(n) END AS label
  WITH label, count(*) AS nodes
  ORDER BY nodes DESC, label
  LIMIT 5
  RETURN collect(label) AS labels
}
CALL (customers, articles) {
  WITH * WHERE customers + articles > 0
  MATCH (n:Customer|Article)
  WHERE NOT (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
  MATCH (n)-[b:BOUGHT]-()
  RETURN count(DISTINCT b) AS bought_by_others
}
RETURN own, all_bought - bought_by_others AS bought, others, labels, customers, articles, bought_by_others
