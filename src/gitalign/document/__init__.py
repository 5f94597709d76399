"""What was done to a branch, written down for people. Pure: facts in, text out; nothing is read or written here."""
