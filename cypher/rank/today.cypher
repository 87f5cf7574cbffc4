// today: the day after the last purchase, which is the default day of recommendations, and the state of the purchases: latest load, whether it is finished, and their number
// returns until, load, finished, bought
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN day + duration({days: 1}) AS until
}
CALL () {
  OPTIONAL MATCH (l:Load)
  WHERE l.started IS :: STRING NOT NULL
  RETURN l.id AS load, toString(l.finished) AS finished
  ORDER BY coalesce(l.number, 0) DESC, l.started DESC
  LIMIT 1
}
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS bought }
RETURN until, load, finished, bought
