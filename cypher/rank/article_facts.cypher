// article_facts: the facts that a training wrote on every article, as of the day after the last purchase that it knew
//
// $facts: list     names of properties, in the order to return
// :param [{facts}] => { RETURN ['buyers_7', 'trend'] AS facts }
// returns article_id, facts
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
RETURN a.article_id AS article_id,
       [fact IN $facts | a[fact]] AS facts
