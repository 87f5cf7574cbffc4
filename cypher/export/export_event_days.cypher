// export_event_days: the days whose purchases events have changed since a version, so that a cached export only reads these
// $since: integer = 0   the number of the (:EventVersion) at the time of the export
// :param [{since}] => { RETURN 0 AS since }
// returns day
MATCH (d:EventDay)
WHERE d.version > $since
RETURN d.t_dat AS day
ORDER BY day
