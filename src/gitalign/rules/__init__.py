"""House rules: rule packs, and checkers that judge what a branch changes. Files are read as objects; nothing of them is ever run."""
