"""What a person sees: tables, progress, the console. Every name is made harmless before it reaches the terminal."""
