// occurring_customer_values: the values, of some given ones, that a property has for at least one customer
// $property: string   name of the property
// $values: list       values to look for
// :param [{property, values}] => { RETURN 'club_member_status' AS property, ['ACTIVE', 'Actve'] AS values }
// returns value
UNWIND $values AS value
WITH value
WHERE EXISTS { MATCH (c:Customer) WHERE c[$property] = value AND c.customer_id IS :: STRING NOT NULL }
RETURN value
