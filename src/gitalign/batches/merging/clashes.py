"""Which results conflict with which, and the largest set that merges. In memory, every pair that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gitalign.batches.merging.merge_members import MemberMerger, MergedMembers
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import ResultConflict
from gitalign.core.subsets import Forbidden, largest_set, minimal_failing

_MOST_WITH_HUNKS = 200
"""A hundred tasks that all change the same line make thousands of pairs: the state would hold megabytes of the same lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Results that do not merge together.

    Attributes:
        members: their numbers; one alone where it conflicts with the target.
        conflict: where.
    """

    members: Forbidden
    conflict: ResultConflict


class Clashes:
    """Conflicts among results.

    Args:
        merger: merges them.
        members: the results, in the order of the plan.
    """

    def __init__(self, merger: MemberMerger, members: Sequence[Member]) -> None:
        self._merger = merger
        self._members = members
        self._numbers = {member.name: number for number, member in enumerate(members)}
        self.found: list[Clash] = []

    def merge(self, numbers: Sequence[int]) -> MergedMembers:
        """Merge some of the results, in order."""
        return self._merger.merge([self._members[number] for number in numbers])

    def find_all(self, unmerged: Sequence[str]) -> None:
        """Find every conflict in which a result takes part that did not merge with all the others.

        Two results that both merged with the others have none with one another.

        Args:
            unmerged: names of those.

        Raises:
            GitError, OutOfSpace: says nothing about a result.
        """
        suspects = sorted(self._numbers[name] for name in unmerged)
        everywhere = {number for number in suspects if self._note(self._with_target(number))}
        others = [number for number in range(len(self._members)) if number not in everywhere]
        for late in [number for number in suspects if number not in everywhere]:
            for other in others:
                if other != late and not (other in suspects and other > late):
                    self._note(self._pair(min(other, late), max(other, late)))

    def largest(self) -> tuple[int, ...]:
        """Numbers of the largest set of results that merges; conflicts that only three or more make are found on the way.

        Raises:
            GitError, OutOfSpace: says nothing about a result.
        """
        while True:
            chosen = largest_set(
                len(self._members), [clash.members for clash in self.found], self._merger.containment.requires
            )
            merged = self.merge(chosen)
            if not merged.unmerged:
                return chosen
            self.find_joint(chosen, merged.unmerged[0])

    def find_joint(self, chosen: Sequence[int], unmerged: str) -> None:
        """Find those before a result with which it conflicts, though with no fewer of them.

        Args:
            chosen: numbers of results that were merged in order.
            unmerged: name of the one that did not merge.

        Raises:
            GitError, OutOfSpace: says nothing about a result.
        """
        self._note(self._jointly(chosen, self._numbers[unmerged]))

    def _note(self, clash: Clash | None) -> bool:
        if clash is not None:
            bare = (
                clash
                if len(self.found) < _MOST_WITH_HUNKS
                else replace(clash, conflict=replace(clash.conflict, hunks=()))
            )
            self.found.append(bare)
        return clash is not None

    def _with_target(self, number: int) -> Clash | None:
        member = self._members[number]
        if member.name in self._merger.containment.in_target:
            return None
        conflict = self._merger.conflict(self._merger.onto, member, first=self._merger.target)
        return Clash(members=frozenset({number}), conflict=conflict) if conflict is not None else None

    def _pair(self, early: int, late: int) -> Clash | None:
        conflict = self._after([early], late)
        return Clash(members=frozenset({early, late}), conflict=conflict) if conflict is not None else None

    def _after(self, before: Sequence[int], late: int) -> ResultConflict | None:
        """How a result conflicts with some that were merged before it."""
        merged, member = self.merge(before), self._members[late]
        if not self.merge([*before, late]).unmerged:
            return None
        first = self._members[before[0]].name if before else self._merger.target
        return self._merger.conflict(merged.tip, member, first=first)

    def _jointly(self, chosen: Sequence[int], late: int) -> Clash:
        """A conflict of one result with several before it, none of which could be missing."""
        before = [number for number in chosen if number < late]
        culprits = minimal_failing(before, lambda part: late in self._unmerged(part, late))
        conflict = self._after(culprits, late) or self._after(before, late)
        assert conflict is not None
        together = tuple(self._members[number].name for number in culprits[1:])
        return Clash(members=frozenset({*culprits, late}), conflict=replace(conflict, together=together))

    def _unmerged(self, before: Sequence[int], late: int) -> Iterator[int]:
        return (self._numbers[name] for name in self.merge([*before, late]).unmerged)
