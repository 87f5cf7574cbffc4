// activate_lists: make all readers use this version of the stored lists from now on
// As in activate_model, a single number, which all readers read first, selects the version, and is changed in place.
// $version: integer
// $customers: integer   how many customers have a list
// $articles: integer    how many articles the lists have together
// :param [{version, customers, articles}] => { RETURN 1 AS version, 10 AS customers, 120 AS articles }
// returns version
MATCH (l:Lists {version: $version})
SET l.customers = $customers, l.articles = $articles
MERGE (now:ListsInForce)
SET now.version = l.version
RETURN l.version AS version
