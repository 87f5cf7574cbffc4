// experiments: the experiments, the newest first, with the number of customers who were shown a list in each
// returns experiment, customers
MATCH (e:Experiment)
WHERE e.name IS :: STRING NOT NULL AND e.salt IS :: STRING NOT NULL
RETURN e {.*} AS experiment, COUNT { MATCH (i:Impression {experiment: e.name})-[:OF]->(c:Customer) RETURN DISTINCT c } AS customers
ORDER BY e.started DESC, e.name
