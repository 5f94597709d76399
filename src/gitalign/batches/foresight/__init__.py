"""Conflicts between tasks while they still work, found by merging their snapshots in memory. Moves nothing."""
