"""A run from an opened repository to a report."""
