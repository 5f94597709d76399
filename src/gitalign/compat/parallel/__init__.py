"""The names of the parallel orchestration's request, thin over the engine of batches.

Nothing here merges, moves or judges: each name asks the facade, and says the answer in the request's words.
"""
