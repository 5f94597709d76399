"""Validation: running the operator's checks on results, confined and bounded. The one room in which code of a branch runs."""
