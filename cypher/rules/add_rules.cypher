// add_rules: write rules, all of them or none; a rule that has the name of another replaces it
// A (:Rule) without one of the kinds is of other software and stays.
//
// $rules: list   maps of a rule's fields; from_day and until_day as text such as '2020-09-22'
// :param [{rules}] => { RETURN [{name: 'less-grocery', kind: 'cap', attribute: 'department_name', most: 3, priority: 0}] AS rules }
// returns name
UNWIND $rules AS rule
CALL (rule) {
  OPTIONAL MATCH (r:Rule {name: rule.name})
  WHERE r.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
  RETURN count(r) AS known
}
FOREACH (_ IN CASE known WHEN 0 THEN [1] ELSE [] END | CREATE (:Rule {name: rule.name, kind: rule.kind}))
WITH rule
MATCH (r:Rule {name: rule.name})
WHERE r.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
SET r = rule, r.from_day = date(rule.from_day), r.until_day = date(rule.until_day)
RETURN r.name AS name
