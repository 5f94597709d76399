"""One module for each kind of check; each says how many things it looked at, how many are in order, and what is not."""
