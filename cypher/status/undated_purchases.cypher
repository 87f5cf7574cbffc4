// undated_purchases: how many BOUGHT have no date t_dat, so that hmrec leaves them out
// The index is walked to its end, a second or so for a million; in a larger graph the answer is null.
// $most: integer = 5000000   look only if there are at most so many BOUGHT
// :param [{most}] => { RETURN 5000000 AS most }
// returns undated
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS every }
CALL (every) {
  WITH * WHERE every <= $most
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= date('0000-01-01')
  RETURN count(b) AS dated
}
RETURN CASE WHEN every <= $most THEN every - dated END AS undated
