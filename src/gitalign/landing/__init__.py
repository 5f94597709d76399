"""What lands together and in which order: the landing order, batches, execution plans and their drawings."""
