// name_index: the full-text index of articles' names, if it exists and is complete; graphs of earlier versions lack it until the next load
// returns name
SHOW INDEXES YIELD name, type, state, labelsOrTypes, properties
WHERE name = 'article_name' AND type = 'FULLTEXT' AND state = 'ONLINE' AND labelsOrTypes = ['Article'] AND properties = ['prod_name']
RETURN name
