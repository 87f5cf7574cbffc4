// schema_indexes: every index: its name, its kind, and the labels or types and the properties that it is on
// returns name, type, labels, properties, owned
SHOW INDEXES YIELD name, type, labelsOrTypes, properties, owningConstraint
WHERE type <> 'LOOKUP'
RETURN name, type, labelsOrTypes AS labels, properties, owningConstraint IS NOT NULL AS owned
ORDER BY name
