"""What documents look like: the models that schemas are generated from, and that the type checker holds the mappings to.

No module of the program imports them while it runs; `python -m gitalign.documents.schemas` does.
"""
