"""Running tasks: their work trees, their processes, what they leave, and the state of a batch run."""
