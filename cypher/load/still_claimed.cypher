// still_claimed: return a row, to check that the surrounding transaction is still open
// returns held
RETURN true AS held
