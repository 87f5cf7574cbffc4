// still_claimed: nothing but an answer, to tell that the transaction it runs in is open still
// returns held
RETURN true AS held
