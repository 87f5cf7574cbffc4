// foreign_relationships: how many relationships are of types that hmrec does not make, from the count store
// The three types between articles, SELLS, RECEIVED, BUYS and RECOMMENDED are hmrec's if the graph has a version of them.
// returns foreign
CALL () { MATCH ()-[r]->() RETURN count(r) AS every }
CALL () {
  MATCH ()-[r:BOUGHT|TAKEN_BACK|ORDERED|RETURNED|VIEWED|ADDED_TO_CART|VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP|KEPT_IN|RANKED_BY|IN_SEGMENT]->()
  RETURN count(r) AS own
}
CALL () { MATCH (:Impression)-[r:OF]->() RETURN count(r) AS shown_to }
CALL () { MATCH (:Impression)-[r:SHOWED]->() RETURN count(r) AS showed }
CALL () { MATCH ()-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR|SELLS|RECEIVED|BUYS]->() RETURN count(r) AS between }
CALL () { MATCH ()-[r:RECOMMENDED]->() RETURN count(r) AS stored }
RETURN every - own - shown_to - showed - CASE
         WHEN EXISTS { MATCH (r:Relations) WHERE r.version IS :: INTEGER NOT NULL AND r.bought_with IS :: INTEGER NOT NULL } THEN between
         ELSE 0
       END - CASE
         WHEN EXISTS { MATCH (l:Lists) WHERE l.version IS :: INTEGER NOT NULL AND l.k IS :: INTEGER NOT NULL } THEN stored
         ELSE 0
       END AS foreign
