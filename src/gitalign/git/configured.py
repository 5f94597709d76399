"""git's configuration as it holds for the operator, read at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from gitalign.git.command import text
from gitalign.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Configured:
    """Every key that is set anywhere, as git listed it.

    Attributes:
        listed: entries that end with NUL, each a key, a line break and a value; without the latter two for a key alone.
    """

    listed: bytes

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key and value of each entry; section and last part of keys are in small letters, as git gives them."""
        for entry in text(self.listed).split("\0"):
            key, _, value = entry.partition("\n")
            if key:
                yield key, value

    def digest(self) -> str:
        """Changes with whatever is set, or set otherwise."""
        return hashlib.sha256(self.listed).hexdigest()


def configured(repository: Repository) -> Configured:
    """Read it.

    Raises:
        GitError

    Source: `git help config` (--list, --null).
    """
    return Configured(repository.operator.run("config", "--null", "--list").stdout)
