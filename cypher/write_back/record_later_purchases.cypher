// record_later_purchases: record that the model in use has seen later purchases than those of training, so that it is not used for earlier days
// $until: string     the day after the last of them
// :param [{until}] => { RETURN '2020-09-23' AS until }
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
WHERE m.until < date($until)
SET m.trained_until = coalesce(m.trained_until, m.until), m.until = date($until)
