"""Conflicts resolved by people, and what was recorded of them."""
