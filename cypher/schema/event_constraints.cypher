// event_constraints: unique ids of events, by type, of shown lists and of experiments, and the nodes that caches look at
CREATE CONSTRAINT ordered_event IF NOT EXISTS FOR ()-[r:ORDERED]-() REQUIRE r.event_id IS UNIQUE;
CREATE CONSTRAINT returned_event IF NOT EXISTS FOR ()-[r:RETURNED]-() REQUIRE r.event_id IS UNIQUE;
CREATE CONSTRAINT viewed_event IF NOT EXISTS FOR ()-[r:VIEWED]-() REQUIRE r.event_id IS UNIQUE;
CREATE CONSTRAINT cart_event IF NOT EXISTS FOR ()-[r:ADDED_TO_CART]-() REQUIRE r.event_id IS UNIQUE;
CREATE CONSTRAINT event_version IF NOT EXISTS FOR (n:EventVersion) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT event_day IF NOT EXISTS FOR (n:EventDay) REQUIRE n.t_dat IS UNIQUE;
CREATE CONSTRAINT impression_id IF NOT EXISTS FOR (n:Impression) REQUIRE n.impression_id IS UNIQUE;
CREATE CONSTRAINT experiment_name IF NOT EXISTS FOR (n:Experiment) REQUIRE n.name IS UNIQUE;
