"""Looking without moving anything: forecasts, conflicts, clashes, categories, the doctor."""
