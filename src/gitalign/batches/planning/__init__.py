"""Tasks and plans: the pure part of batches. No I/O, clock, thread or random."""
