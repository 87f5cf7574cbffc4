// write_facts: write facts about articles as of a day, for the ranker and other readers; null removes a fact
// $rows: list     pairs of an article's id and a map of facts by name
// :param [{rows}] => { RETURN [['0108775015', {buyers_7: 1.6, trend: 0.2}]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (a:Article {article_id: row[0]})
SET a += row[1]
RETURN count(*) AS written
