// graph_state: what answers depend on, read at one moment: sizes, loads, stock, rules, experiments, segments, stored lists, the day after the last purchase, the model in force
// loads: id and finish of each, newest first; a load that runs or was cut off has no finish. until: null without purchases.
// stock: number of changes of the stock by `hmrec stock`.
// rules: the shop's rules, by name.
// experiments: the running one, and those that made a method the service's default, by name.
// events: number of times that events changed purchases.
// segments: version of the segments in force, and how many customers they have; zeros without any.
// lists: version of the stored lists in force; zero without any.
// model: null before the first training; embedded: when nodes last got embeddings of it; has_ranker: whether it has trees;
// cf_all, cf_new: learned parameters of user_based_cf for lists of all and of new articles, null if its training learned none
// returns database, customers, articles, bought, loads, stock, events, rules, experiments, segments, lists, until, model
CALL db.info() YIELD id AS database
CALL () { MATCH (c:Customer) RETURN count(c) AS customers }
CALL () { MATCH (a:Article) RETURN count(a) AS articles }
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS bought }
CALL () {
  MATCH (l:Load)
  WHERE l.started IS :: STRING NOT NULL
  WITH l
  ORDER BY coalesce(l.number, 0) DESC, l.started DESC, l.id
  RETURN collect([l.id, toString(l.finished)]) AS loads
}
CALL () { MATCH (s:StockVersion) WHERE s.version IS :: INTEGER NOT NULL RETURN sum(s.version) AS stock }
CALL () { MATCH (v:EventVersion) WHERE v.version IS :: INTEGER NOT NULL RETURN sum(v.version) AS events }
CALL () {
  MATCH (r:Rule)
  WHERE r.name IS :: STRING NOT NULL
  WITH r ORDER BY r.name
  RETURN collect(r {.*}) AS rules
}
CALL () {
  MATCH (e:Experiment)
  WHERE e.name IS :: STRING NOT NULL AND e.salt IS :: STRING NOT NULL AND (e.stopped IS NULL OR e.kept IS NOT NULL)
  WITH e ORDER BY e.name
  RETURN collect(e {.*}) AS experiments
}
CALL () {
  OPTIONAL MATCH (current:SegmentsInForce)
  WITH max(current.version) AS version
  OPTIONAL MATCH (s:Segment {version: version})
  WHERE s.size IS :: INTEGER NOT NULL
  WITH version, sum(s.size) AS size
  RETURN [coalesce(version, 0), size] AS segments
}
CALL () { MATCH (v:ListsInForce) WHERE v.version IS :: INTEGER NOT NULL RETURN sum(v.version) AS lists }
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS until
}
CALL () {
  OPTIONAL MATCH (now:ModelInForce)
  WITH now.version AS version
  OPTIONAL MATCH (m:Model {version: version})
  WHERE m.dim IS NOT NULL
  RETURN m {.version, .until, .dim, .staged, created: toString(m.created),
            embedded: toString(coalesce(m.embedded, m.created)), has_ranker: EXISTS { (m)-[:RANKED_BY]->(:Ranker) },
            cf_all: CASE WHEN m.cf_all_neighbours IS :: INTEGER NOT NULL THEN
              {half_life: m.cf_all_half_life, similarity_half_life: m.cf_all_similarity_half_life, neighbours: m.cf_all_neighbours, own_weight: m.cf_all_own_weight} END,
            cf_new: CASE WHEN m.cf_new_neighbours IS :: INTEGER NOT NULL THEN
              {half_life: m.cf_new_half_life, similarity_half_life: m.cf_new_similarity_half_life, neighbours: m.cf_new_neighbours} END} AS model
}
RETURN database, customers, articles, bought, loads, stock, events, rules, experiments, segments, lists, until, model
