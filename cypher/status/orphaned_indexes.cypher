// orphaned_indexes: indexes of constraints that a server left behind which was killed while it made the constraint
//
// $constraints: map               by a constraint's name, the label and the property that it is of
// :param [{constraints}] => { RETURN {customer_id: ['Customer', 'customer_id']} AS constraints }
// returns name
SHOW INDEXES YIELD name, type, labelsOrTypes, properties, owningConstraint
WHERE type = 'RANGE' AND owningConstraint IS NULL AND $constraints[name] = [labelsOrTypes[0], properties[0]]
RETURN name
ORDER BY name
