// remove_expired_impressions: delete some of the expired shown lists, and return how many were deleted
// $most: integer = 1000   the greatest number to delete
// :param [{most}] => { RETURN 1000 AS most }
// returns removed
MATCH (i:Impression)
WHERE i.expires < datetime() AND i.impression_id IS :: STRING NOT NULL
WITH i LIMIT $most
DETACH DELETE i
RETURN count(*) AS removed
