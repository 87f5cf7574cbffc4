// export_changes: what some loads changed, one per row, so that a cached export only reads the changes
// days is null for loads that did not record it (bulk loads, old versions); customers and articles are null if all may have changed
// $loads: list = []            ids of (:Load)s
// :param [{loads}] => { RETURN [] AS loads }
// returns days, customers, articles
MATCH (l:Load)
WHERE l.id IN $loads
RETURN l.days_written AS days, l.customers_written AS customers, l.articles_written AS articles
