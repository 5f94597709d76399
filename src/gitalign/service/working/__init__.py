"""Workers: claim jobs from the database and carry them out with the facade."""
