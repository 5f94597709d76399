"""Settings and branch lists: where they come from, their bounds, and what is refused."""
