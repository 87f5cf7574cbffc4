// orphaned_indexes: indexes left behind by a server that was killed while it created their constraints
//
// $constraints: map               label and property of each constraint, by its name
// :param [{constraints}] => { RETURN {customer_id: ['Customer', 'customer_id']} AS constraints }
// returns name
SHOW INDEXES YIELD name, type, labelsOrTypes, properties, owningConstraint
WHERE type = 'RANGE' AND owningConstraint IS NULL AND $constraints[name] = [labelsOrTypes[0], properties[0]]
RETURN name
ORDER BY name
