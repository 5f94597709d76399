"""The terminal: verbs, prompts, progress and tables. Knows nothing of git."""
