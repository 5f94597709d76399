"""Order and batches: what lands together, what lands first, and what that spares. Pure; nothing here asks git."""
