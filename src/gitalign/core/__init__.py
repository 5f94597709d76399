"""Pure values and rules of git-align: no I/O, clock, thread or randomness lives here."""
