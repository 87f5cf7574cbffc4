// rule_constraint: unique names of rules
CREATE CONSTRAINT rule_name IF NOT EXISTS FOR (n:Rule) REQUIRE n.name IS UNIQUE;
