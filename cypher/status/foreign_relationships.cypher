// foreign_relationships: how many relationships are of types that hmrec does not make, from the count store
// returns foreign
CALL () { MATCH ()-[r]->() RETURN count(r) AS every }
CALL () {
  MATCH ()-[r:BOUGHT|VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP|KEPT_IN|RANKED_BY]->()
  RETURN count(r) AS own
}
RETURN every - own AS foreign
