"""What the name of a branch says, token by token."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_SEPARATORS = re.compile(r"[/\-_.]+")


def tokens(name: str) -> tuple[str, ...]:
    """Words of a name, split on `/`, `-`, `_` and `.`, folded to small letters."""
    return tuple(part for part in _SEPARATORS.split(name.casefold()) if part)


def names_target(name: str, target: str, keywords: Mapping[str, Sequence[str]]) -> str | None:
    """The words by which a branch names a target, or None.

    All words of the target's name must stand together in the branch's, or all words of one of its keywords: `email-import` is
    not "ai", and `maintenance` is not "main".

    Args:
        name: of the branch.
        target: name of the target.
        keywords: further words for targets, as the operator gave them.
    """
    spoken = tokens(name)
    for phrase in (target, *keywords.get(target, ())):
        wanted = tokens(phrase)
        if wanted and any(spoken[at : at + len(wanted)] == wanted for at in range(len(spoken) - len(wanted) + 1)):
            return phrase
    return None
