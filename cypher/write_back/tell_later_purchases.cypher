// tell_later_purchases: the model in force knows purchases that came after its training, and must not be asked about an earlier day
// $until: string     the day after the last of them
// :param [{until}] => { RETURN '2020-09-23' AS until }
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
WHERE m.until < date($until)
SET m.trained_until = coalesce(m.trained_until, m.until), m.until = date($until)
