// count_events: record that events changed the purchases of some days, so that caches and kept exports notice
// $days: list   dates
// :param [{days}] => { RETURN [date('2020-09-01')] AS days }
MATCH (v:EventVersion {id: 1})
SET v.version = v.version + 1
WITH v
UNWIND $days AS day
MERGE (d:EventDay {t_dat: day})
SET d.version = v.version
