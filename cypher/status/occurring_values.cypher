// occurring_values: those of some values that a property of articles has
// $property: string   name of the property
// $values: list       values to look for
// :param [{property, values}] => { RETURN 'department_name' AS property, ['GROCERY', 'Grocry'] AS values }
// returns value
UNWIND $values AS value
WITH value
WHERE EXISTS { MATCH (a:Article) WHERE a[$property] = value AND a.article_id IS :: STRING NOT NULL }
RETURN value
