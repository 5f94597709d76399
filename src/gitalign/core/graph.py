"""The commit graph in memory: which commits are a branch's own, in which order git would pick them, on which base.

Pure. Commits are numbered in the order git lists them (children before parents), so a parent always has a higher number
than its children.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitalign.core.names import Oid
from gitalign.core.own_commits import Fork, OwnCommits, UnknownCommit
from gitalign.core.walks import BestOf, below, beyond, in_gits_order, marked, own_and_boundary

_TARGETS_REMEMBERED = 64
_MOST_IN_SETS = 100_000
"""Commits. Their sets take a bit for each other commit: 1.2 GB pass through memory for so many, in a tenth of a second or two."""


@dataclass(slots=True)
class CommitGraph:
    """Commits and their parents.

    Args:
        commits: (id, parents) with children before their parents, as `git rev-list --topo-order --parents` lists them.
        shallow: ids at which history is cut off.
        unreadable: tips whose history cannot be walked, with git's words.
    """

    commits: Iterable[tuple[Oid, tuple[Oid, ...]]]
    shallow: frozenset[Oid] = frozenset()
    unreadable: Mapping[Oid, str] = field(default_factory=dict)
    _number: dict[Oid, int] = field(default_factory=dict, init=False, repr=False)
    _ids: list[Oid] = field(default_factory=list, init=False, repr=False)
    _parents: list[tuple[int, ...]] = field(default_factory=list, init=False, repr=False)
    _reach: dict[int, bytearray] = field(default_factory=dict, init=False, repr=False)
    _behind: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict, init=False, repr=False)
    _own: dict[tuple[int, int], OwnCommits] = field(default_factory=dict, init=False, repr=False)
    _walked: dict[tuple[int, int], tuple[int, list[int]]] = field(default_factory=dict, init=False, repr=False)
    _best: BestOf = field(init=False, repr=False)
    _lines: dict[int, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        rows = list(self.commits)
        self.commits = ()
        for oid, _ in rows:
            self._number[oid] = len(self._ids)
            self._ids.append(oid)
        known = self._number
        self._parents = [tuple(known[parent] for parent in parents if parent in known) for _, parents in rows]
        self._best = BestOf(self._parents)

    def __contains__(self, oid: object) -> bool:
        return oid in self._number

    def __len__(self) -> int:
        return len(self._ids)

    def parents(self, oid: Oid) -> tuple[Oid, ...]:
        """Parents of a commit, as far as history is known."""
        return tuple(self._ids[parent] for parent in self._parents[self._at(oid)])

    def own(self, tip: Oid, onto: Oid) -> OwnCommits:
        """Commits reachable from `tip` and not from `onto`.

        Raises:
            UnknownCommit: one of the two is not in the graph.
        """
        key = (self._at(tip), self._at(onto))
        if key not in self._own:
            self._own[key] = self._find_own(*key)
        return self._own[key]

    def own_ids(self, tip: Oid, onto: Oid) -> tuple[Oid, ...]:
        """All own commits, merges too, in no particular order."""
        known = self._own.get((self._at(tip), self._at(onto)))
        if known is not None:
            return known.ordered
        return tuple(
            self._ids[number]
            for number in own_and_boundary(self._parents, self._at(tip), self._reached_from(self._at(onto)))[0]
        )

    def own_count(self, tip: Oid, onto: Oid) -> int:
        """Number of commits of `tip` that `onto` has not."""
        return self._count_and_bases(self._at(tip), self._at(onto))[0]

    def own_counts(self, tips: Iterable[Oid], onto: Oid) -> dict[Oid, int]:
        """`own_count` of many tips: branches share commits, and one pass counts for all of them.

        Each commit is handed the set of own commits that it reaches, as the bits of a number; a set goes when all children of
        its commit have taken it in. Where there are so many commits that the sets would cost more than a walk for each tip,
        the tips are walked one by one.
        """
        asked = {tip: self._at(tip) for tip in tips}
        reached = self._reached_from(self._at(onto))
        starts = {number for number in asked.values() if not reached[number]}
        marks = marked(self._parents, starts, stop=reached)
        own = [number for number in range(min(starts, default=len(marks)), len(marks)) if marks[number]]
        if len(own) > _MOST_IN_SETS:
            return {tip: self.own_count(tip, onto) for tip in asked}
        children: dict[int, int] = defaultdict(int)
        for number in own:
            for parent in self._parents[number]:
                children[parent] += 1
        sets: dict[int, int] = {}
        counts: dict[int, int] = {}
        for bit, number in enumerate(reversed(own)):  # parents before their children
            held = 1 << bit
            for parent in self._parents[number]:
                if marks[parent]:
                    held |= sets[parent]
                    children[parent] -= 1
                    if not children[parent]:
                        del sets[parent]
            if number in starts:
                counts[number] = held.bit_count()
            if children.get(number):
                sets[number] = held
        return {tip: counts.get(number, 0) for tip, number in asked.items()}

    def behind_count(self, tip: Oid, onto: Oid) -> int:
        """Number of commits of `onto` that `tip` has not."""
        target = self._at(onto)
        key = (target, tuple(self._count_and_bases(self._at(tip), target)[1]))
        if key not in self._behind:
            self._behind[key] = len(beyond(self._parents, *key))
        return self._behind[key]

    def count_behind(self, tips: Iterable[Oid], onto: Oid) -> None:
        """Make `behind_count` of many tips ready, in one pass over what the target has above the lowest of their bases.

        Each commit of the target is handed the set of tips that have it, as the bits of a number. How often each bit was set is
        kept in binary, one number for each binary digit.
        """
        target = self._at(onto)
        keys = {(target, tuple(self._count_and_bases(self._at(tip), target)[1])) for tip in tips}
        asked = [key for key in keys if key not in self._behind]
        if len(asked) < 2:
            return
        everyone = (1 << len(asked)) - 1
        holders = {target: 0}
        for bit, (_, bases) in enumerate(asked):
            for base in bases:
                holders[base] = holders.get(base, 0) | 1 << bit
        digits: list[int] = []
        passed, open_ends = 0, sum(mask != everyone for mask in holders.values())
        number = target
        while open_ends:
            mask = holders.pop(number, None)
            if mask is not None:
                if mask != everyone:
                    open_ends -= 1
                    passed += 1
                    _count(digits, mask)
                for parent in self._parents[number]:
                    before = holders.get(parent)
                    after = holders[parent] = mask if before is None else before | mask
                    open_ends += (after != everyone) - (before is not None and before != everyone)
            number += 1
        for bit, key in enumerate(asked):
            self._behind[key] = passed - sum((digit >> bit & 1) << place for place, digit in enumerate(digits))

    def lacks(self, tip: Oid, onto: Oid) -> Callable[[Oid], bool]:
        """A question to ask about commits of `onto`: does `tip` lack it?"""
        common = marked(self._parents, [self._at(base) for base in self.own(tip, onto).bases])
        return lambda oid: not common[self._at(oid)]

    def own_of_any(self, tips: Iterable[Oid], onto: Oid) -> list[Oid]:
        """Commits that at least one of the tips has and `onto` has not, in the graph's order."""
        reached = self._reached_from(self._at(onto))
        marks = marked(self._parents, [number for number in map(self._at, tips) if not reached[number]], stop=reached)
        return [self._ids[number] for number, there in enumerate(marks) if there]

    def lacked_by_any(self, tips: Iterable[Oid], onto: Oid) -> list[Oid]:
        """Commits of `onto` that at least one of the tips has not, in the graph's order.

        One pass for all tips: each commit is handed a set of those that reach it, as the bits of a number.
        """
        starts = sorted({self._at(tip) for tip in tips})
        target = self._at(onto)
        everyone = (1 << len(starts)) - 1
        holders = dict.fromkeys([*starts, target], 0)
        for bit, number in enumerate(starts):
            holders[number] |= 1 << bit
        reached = self._reached_from(target)
        lacked: list[Oid] = []
        for number in range(min(holders), len(self._ids)):
            mask = holders.pop(number, None)
            if mask is None:
                continue
            if reached[number] and mask != everyone:
                lacked.append(self._ids[number])
            for parent in self._parents[number]:
                if parent in holders:
                    holders[parent] |= mask
                else:
                    holders[parent] = mask
        return lacked

    def is_ancestor(self, ancestor: Oid, descendant: Oid) -> bool:
        """True when `ancestor` is reachable from `descendant` (a commit is its own ancestor)."""
        wanted, start = self._at(ancestor), self._at(descendant)
        if wanted < start:
            return False
        reached = self._reach.get(start)
        if reached is not None:
            return bool(reached[wanted])
        return wanted == start or wanted in below(self._parents, (start,), floor=wanted)

    def fork(self, tip: Oid, onto: Oid) -> Fork:
        """Where `tip` leaves `onto`, going down first parents.

        Raises:
            UnknownCommit: one of the two is not in the graph.
        """
        target = self._at(onto)
        reached = self._reached_from(target)
        distance = 0
        for number in self._line(self._at(tip)):
            if reached[number]:
                return Fork(self._ids[number], distance, self._is_on(number, self._line(target)))
            distance += 1
        return Fork(None, distance, False)

    def arrival(self, tip: Oid, onto: Oid) -> Oid | None:
        """The commit of the target's own line by which it came to have `tip`; None when it has not.

        Raises:
            UnknownCommit: one of the two is not in the graph.
        """
        if not self._reached_from(self._at(onto))[self._at(tip)]:
            return None
        line = self._line(self._at(onto))
        have, lack = 0, len(line)
        while lack - have > 1:
            middle = (have + lack) // 2
            if self.is_ancestor(tip, self._ids[line[middle]]):
                have = middle
            else:
                lack = middle
        return self._ids[line[have]]

    def based_on(self, lines: Mapping[str, Oid], targets: Iterable[Oid]) -> Callable[[Oid], str | None]:
        """A question to ask about tips: on which of the lines was it started? Going down first parents alone, above every target.

        Args:
            lines: long-lived branches, by name, with their tips.
            targets: what they have belongs to no line.
        """
        shared = marked(self._parents, [self._number[oid] for oid in targets if oid in self._number])
        known: dict[int, str | None] = {}

        def named(start: int, found: str | None) -> str | None:
            way: list[int] = []
            at: int | None = start
            while at is not None and not shared[at] and at not in known:
                way.append(at)
                at = self._parents[at][0] if self._parents[at] else None
            if found is None and at is not None and not shared[at]:
                found = known[at]
            known.update(dict.fromkeys(way, found))
            return found

        for name, tip in lines.items():
            if tip in self._number:
                named(self._number[tip], name)
        return lambda tip: named(self._number[tip], None) if tip in self._number else None

    def _line(self, start: int) -> tuple[int, ...]:
        """First parents from a commit down, it included: ascending numbers. Remembered for targets alone."""
        known = self._lines.get(start)
        if known is not None:
            return known
        line = [start]
        while self._parents[line[-1]]:
            line.append(self._parents[line[-1]][0])
        if start in self._reach:
            self._lines[start] = tuple(line)
        return tuple(line)

    @staticmethod
    def _is_on(number: int, line: Sequence[int]) -> bool:
        place = bisect.bisect_left(line, number)
        return place < len(line) and line[place] == number

    def _at(self, oid: Oid) -> int:
        try:
            return self._number[oid]
        except KeyError as error:
            raise UnknownCommit(oid) from error

    def _reached_from(self, number: int) -> bytearray:
        """Marks of everything reachable; remembered, because a target is asked about for every branch."""
        reached = self._reach.get(number)
        if reached is None:
            if len(self._reach) >= _TARGETS_REMEMBERED:
                self._reach.clear()
            reached = self._reach[number] = marked(self._parents, (number,))
        return reached

    def _count_and_bases(self, start: int, target: int) -> tuple[int, list[int]]:
        """How many own commits there are, and on which best commits of the target they stand; walked once."""
        known = self._own.get((start, target))
        if known is not None:
            return known.count, [self._number[base] for base in known.bases]
        if (start, target) not in self._walked:
            own, boundary = own_and_boundary(self._parents, start, self._reached_from(target))
            self._walked[start, target] = len(own), self._best.of(boundary)
        return self._walked[start, target]

    def _find_own(self, start: int, target: int) -> OwnCommits:
        reached = self._reached_from(target)
        own, boundary = own_and_boundary(self._parents, start, reached)
        ordered = in_gits_order(self._parents, start, set(own))
        picks = tuple(self._ids[number] for number in ordered if len(self._parents[number]) < 2)
        merges = tuple(self._ids[number] for number in ordered if len(self._parents[number]) > 1)
        bases = self._best.of(boundary)
        return OwnCommits(
            picks=picks,
            merges=merges,
            bases=tuple(self._ids[number] for number in bases),
            roots=tuple(self._ids[number] for number in own if not self._parents[number]),
            hits_shallow=self._is_cut_off(own, target, bases),
            is_linear_on_target=bases == [target] and not merges,
            ordered=tuple(self._ids[number] for number in ordered) if merges else picks,
        )

    def _is_cut_off(self, own: Sequence[int], target: int, bases: Sequence[int]) -> bool:
        """True when hidden history may hold a better base: it lies behind a commit that only one side has.

        What is hidden behind a common commit is common too, and can change nothing. A branch that owns nothing stands
        on itself, whatever is hidden.
        """
        if not self.shallow or not own:
            return False
        return any(self._ids[number] in self.shallow for number in (*own, *beyond(self._parents, target, bases)))


def _count(digits: list[int], mask: int) -> None:
    """Add one for each bit of a mask; place by place as one adds binary numbers."""
    for place, digit in enumerate(digits):
        digits[place], mask = digit ^ mask, digit & mask
        if not mask:
            return
    if mask:
        digits.append(mask)
