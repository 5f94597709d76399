"""The embedded database: the durable memory of runs. The only room that speaks SQL."""
