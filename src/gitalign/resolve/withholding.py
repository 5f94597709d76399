"""A resolver that is not given files which the operator's access profiles hide."""

from __future__ import annotations

from collections.abc import Sequence

import pathspec

from gitalign.ports import ConflictedFile, ConflictResolver, Proposal, UnresolvedFile


class WithholdingResolver:
    """Asks another resolver about all files but those that are hidden. Implements `ports.ConflictResolver`.

    Args:
        resolver: a program of the operator's stands behind it.
        hidden: patterns of files that it is not given.
    """

    def __init__(self, resolver: ConflictResolver, hidden: Sequence[str]) -> None:
        self._resolver = resolver
        self._hidden = tuple(hidden)
        self._spec = pathspec.GitIgnoreSpec.from_lines(hidden)

    @property
    def key(self) -> str:
        """Changes with the patterns as well."""
        return repr((self._resolver.key, self._hidden))

    def knows(self, file: ConflictedFile) -> str | None:
        """See `ports.ConflictResolver.knows`."""
        return None if self._spec.match_file(file.path) else self._resolver.knows(file)

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return not self._spec.match_file(file.path) and self._resolver.could(file)

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        return None if self._spec.match_file(file.path) else self._resolver.propose(file)
