"""Moments between two effects, at which rehearsals of crashes end the process."""

from __future__ import annotations

from collections.abc import Callable

Checkpoint = Callable[[str], None]


def no_checkpoint(name: str) -> None:
    """The default: nothing happens between two effects."""
