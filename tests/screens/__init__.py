"""What a person sees: captures of a terminal, kept as reviewed text. `python -m tests.screens` makes them again."""
