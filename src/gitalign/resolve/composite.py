"""Several resolvers as one: for each file, the first that settles it."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.ports import ConflictedFile, ConflictResolver, Proposal, UnresolvedFile


class CompositeResolver:
    """Asks resolvers one after the other. Implements `ports.ConflictResolver`.

    Args:
        resolvers: in the order in which they are asked.
        beside: key of what settles files beside them.
    """

    def __init__(self, resolvers: Sequence[ConflictResolver], *, beside: str = "") -> None:
        self._resolvers = tuple(resolvers)
        self._beside = beside

    @property
    def key(self) -> str:
        """Changes with any of them."""
        return repr([*(one.key for one in self._resolvers), self._beside])

    def knows(self, file: ConflictedFile) -> str | None:
        """See `ports.ConflictResolver.knows`."""
        return next((name for one in self._resolvers if (name := one.knows(file)) is not None), None)

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return any(one.could(file) for one in self._resolvers)

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`. Where people disagree, nothing else decides."""
        reasons: list[str] = []
        for one in self._resolvers:
            if not one.could(file):
                continue
            answer = one.propose(file)
            if isinstance(answer, Proposal):
                return answer
            if isinstance(answer, UnresolvedFile):
                if answer.is_disputed:
                    return answer
                reasons.append(answer.reason)
        return UnresolvedFile(reason="; ".join(reasons)) if reasons else None
