"""A target's own line: its commits by first parents, and from which of them on it has a commit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.own_commits import OwnCommits


class FirstParentChain:
    """The first parents of a target's tip, newest first.

    Args:
        graph: history behind it.
        tip: of the target.

    Attributes:
        commits: the tip, its first parent, the first parent of that, and so on.
    """

    def __init__(self, graph: CommitGraph, tip: Oid) -> None:
        self._graph = graph
        commits = [tip]
        while parents := graph.parents(commits[-1]):
            commits.append(parents[0])
        self.commits: Sequence[Oid] = tuple(commits)
        self._place = {oid: place for place, oid in enumerate(commits)}
        self._arrived = self._arrivals()
        self._newest: dict[Oid, int | None] = {}

    @property
    def tip(self) -> Oid:
        """Of the target."""
        return self.commits[0]

    def place(self, commit: Oid) -> int | None:
        """How many first parents below the tip a commit stands; None when it is not on the line."""
        return self._place.get(commit)

    def is_merge(self, place: int) -> bool:
        """True when the commit at a place has several parents."""
        return len(self._graph.parents(self.commits[place])) > 1

    def has_at(self, place: int, commit: Oid) -> bool:
        """True when the line has a commit of the target, itself or by a merge, at a place."""
        arrived = self._arrived.get(commit)
        return arrived is not None and arrived >= place

    def fork(self, branch: Oid) -> int | None:
        """Place of the newest commit of the line that a branch has; None when it has none of them."""
        found = [place for base in self._bases(branch) if (place := self._newest_in(base)) is not None]
        return min(found, default=None)

    def joined(self, branch: Oid) -> int:
        """Place of the oldest commit of the line that has everything which branch and target have in common."""
        return min((self._arrived[base] for base in self._bases(branch)), default=len(self.commits) - 1)

    def own(self, branch: Oid, place: int) -> OwnCommits:
        """What a branch has that the line has not at a place."""
        return self._graph.own(branch, self.tip if place <= self.joined(branch) else self.commits[place])

    def _bases(self, branch: Oid) -> Iterable[Oid]:
        return self._graph.own(branch, self.tip).bases

    def _arrivals(self) -> dict[Oid, int]:
        """Every commit of the target -> the place at which the line came to have it."""
        arrived: dict[Oid, int] = {}
        for place in range(len(self.commits) - 1, -1, -1):
            waiting = [self.commits[place]]
            while waiting:
                commit = waiting.pop()
                if commit not in arrived:
                    arrived[commit] = place
                    waiting += self._graph.parents(commit)
        return arrived

    def _newest_in(self, commit: Oid) -> int | None:
        """Place of the newest commit of the line that a commit of the target has."""
        if commit not in self._newest:
            seen = {commit}
            waiting = [commit]
            found: list[int] = []
            while waiting:
                one = waiting.pop()
                if one in self._place:
                    # What is below it on the line is older.
                    found.append(self._place[one])
                    continue
                above = [parent for parent in self._graph.parents(one) if parent not in seen]
                seen.update(above)
                waiting += above
            self._newest[commit] = min(found, default=None)
        return self._newest[commit]
