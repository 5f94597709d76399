"""From steps to outcomes: integrating branches in memory, on several workers."""
