"""The durable memory of runs, in an embedded database or PostgreSQL. The only room that uses SQL."""
