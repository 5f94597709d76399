"""Looking without moving anything: forecasts, conflicts, branch conflicts, categories, the doctor."""
