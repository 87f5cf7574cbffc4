// export_changes: what some loads changed, one row each, so that a kept export reads that alone
// days is null for a load that did not tell (by bulk, or before hmrec told); customers and articles are null where all may have changed
// $loads: list = []            ids of (:Load)s
// :param [{loads}] => { RETURN [] AS loads }
// returns days, customers, articles
MATCH (l:Load)
WHERE l.id IN $loads
RETURN l.days_written AS days, l.customers_written AS customers, l.articles_written AS articles
