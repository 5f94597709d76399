"""Pages for people: HTML from the server, readable without scripts."""
