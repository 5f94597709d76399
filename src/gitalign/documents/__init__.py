"""Every document that leaves the program or is stored."""
