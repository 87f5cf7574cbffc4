// schema_constraints: every constraint: its name, its kind, and the labels or types and the properties that it is on
// returns name, type, labels, properties
SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties
RETURN name, type, labelsOrTypes AS labels, properties
ORDER BY name
