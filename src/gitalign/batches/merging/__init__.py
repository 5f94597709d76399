"""Results of tasks merged in memory, looked at, tested, and landed on their target: all of a batch or nothing."""
