// now: the server's clock, milliseconds since 1970
// returns now
RETURN timestamp() AS now
