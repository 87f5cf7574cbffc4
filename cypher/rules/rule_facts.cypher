// rule_facts: what rules need to know about articles: which conditions they fulfil, whether they are new, and properties
//
// $article_ids: list         strings
// $conditions: list = []     conditions on properties, each a list of clauses as in $where of the recommenders; docs/filters.md
// $new_days: list = []       numbers of days; an article is new if it was never sold before these days
// $properties: list = []     names of properties to return
// $as_of: date = null        as of that day, from earlier purchases only
// :param [{article_ids, conditions, new_days, properties, as_of}] => { RETURN ['0108775015'] AS article_ids, [[[['stock', '>', 10]]]] AS conditions, [28] AS new_days, ['department_name'] AS properties, null AS as_of }
// returns article_id, matches, is_new, values
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN article_id,
       [place IN range(0, size($conditions) - 1)
        WHERE all(clause IN $conditions[place] WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'price' THEN COLLECT {
          MATCH (a)<-[b:BOUGHT]-()
          USING INDEX b:BOUGHT(article_id, t_dat)
          WHERE b.article_id = a.article_id AND b.t_dat < until AND b.price IS NOT NULL
          RETURN b.price ORDER BY b.article_id DESC, b.t_dat DESC, b.price LIMIT 1
        }[0] ELSE a[test[0]] END] WHERE CASE test[1]
          WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
          WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
          WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
          WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
        END)))] AS matches,
       [days IN $new_days WHERE NOT EXISTS {
          MATCH (a)<-[b:BOUGHT]-()
          USING INDEX b:BOUGHT(article_id, t_dat)
          WHERE b.article_id = a.article_id AND b.t_dat < until - duration({days: days})
        }] AS is_new,
       [name IN $properties | a[name]] AS values
