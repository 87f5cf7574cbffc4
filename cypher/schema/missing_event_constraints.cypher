// missing_event_constraints: how many of the constraints of events the database lacks
// returns missing
SHOW CONSTRAINTS YIELD name
WHERE name IN ['ordered_event', 'returned_event', 'viewed_event', 'cart_event', 'event_version', 'event_day', 'impression_id', 'experiment_name']
RETURN 8 - count(name) AS missing
