"""Batches: planned tasks, each in a work tree of its own, merged back whole or not at all."""
