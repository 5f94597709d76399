"""Which members of a set are at fault, and the largest set without them. Pure: the caller answers whether a set fails.

Members are numbers in the order of a plan; where several answers are equally good, the one with the earliest members counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

Forbidden = frozenset[int]
"""Members that must not all be in a set together."""
_MOST_STEPS = 20_000


def minimal_failing(members: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> tuple[int, ...]:
    """Members that fail together, though no part of them does; empty when nothing at all fails already.

    Asks about as few sets as `2k log(n/k) + 2k` for `k` members of `n`. Where a larger set passes though a part of it fails, the answer
    still fails itself.

    Args:
        members: fail together.
        fails: whether members, in order, fail.

    Source: Junker, QuickXplain (AAAI 2004).
    """
    if fails(()):
        return ()

    def search(kept: tuple[int, ...], has_grown: bool, rest: Sequence[int]) -> tuple[int, ...]:
        if has_grown and fails(sorted(kept)):
            return ()
        if len(rest) == 1:
            return (rest[0],)
        half = len(rest) // 2
        early, late = rest[:half], rest[half:]
        of_late = search((*kept, *early), True, late)
        of_early = search((*kept, *of_late), bool(of_late), early)
        return (*of_early, *of_late)

    return tuple(sorted(search((), False, list(members))))


def closed_over(members: Iterable[int], requires: Mapping[int, Set[int]]) -> frozenset[int]:
    """Members with everything that they require, directly or not."""
    known: set[int] = set()
    waiting = list(members)
    while waiting:
        member = waiting.pop()
        if member not in known:
            known.add(member)
            waiting += requires.get(member, ())
    return frozenset(known)


def largest_set(
    count: int, forbidden: Sequence[Forbidden], requires: Mapping[int, Set[int]] | None = None
) -> tuple[int, ...]:
    """The largest set of `0..count-1` that holds no forbidden one, and with each member everything that it requires.

    Exact for every set of conflicts that people make; bounded for those that a machine could think of, where it is the largest seen.

    Args:
        count: of members.
        forbidden: none of them is empty.
        requires: what a member cannot be without.
    """
    requires = {member: closed_over([member], requires or {}) - {member} for member in range(count)}
    dependents: dict[int, set[int]] = {member: set() for member in range(count)}
    for member, needed in requires.items():
        for other in needed:
            dependents[other].add(member)
    chosen: set[int] = set()
    for component in _components(count, forbidden, requires):
        inside = [one for one in forbidden if one <= component]
        search = _Search(inside, requires, dependents)
        search.go(frozenset(component), frozenset())
        chosen |= search.best
    return tuple(sorted(chosen))


def _components(count: int, forbidden: Sequence[Forbidden], requires: Mapping[int, Set[int]]) -> list[set[int]]:
    """Members that have something to do with one another."""
    of: dict[int, set[int]] = {member: {member} for member in range(count)}
    groups = [set(one) for one in forbidden] + [{member, *needed} for member, needed in requires.items() if needed]
    for group in groups:
        joined = set[int]().union(*(of[member] for member in group))
        for member in joined:
            of[member] = joined
    return [members for member, members in of.items() if member == min(members)]


@dataclass(slots=True)
class _Search:
    """Branch and bound over one component."""

    forbidden: Sequence[Forbidden]
    requires: Mapping[int, Set[int]]
    dependents: Mapping[int, Set[int]]
    best: frozenset[int] = frozenset()
    _steps: int = field(default=0)

    def go(self, left: frozenset[int], kept: frozenset[int]) -> None:
        """Look at the sets within `left` that hold `kept`."""
        self._steps += 1
        active = [one for one in self.forbidden if one <= left]
        if not active:
            if _is_better(left, self.best):
                self.best = left
            return
        if len(left) - _disjoint(active) < len(self.best) or (self._steps > _MOST_STEPS and self.best):
            return
        counts: dict[int, int] = {}
        for one in active:
            for member in one - kept:
                counts[member] = counts.get(member, 0) + 1
        if not counts:
            return  # all of a forbidden set is kept
        member = min(counts, key=lambda number: (-counts[number], number))
        with_it = kept | {member} | self.requires[member]
        forced = {next(iter(rest)) for one in active if len(rest := one - with_it) == 1}
        if not any(one <= with_it for one in active) and not forced & with_it:
            self.go(self._without(left, forced), with_it)
        if not (self.dependents[member] | {member}) & kept:
            self.go(self._without(left, {member}), kept)

    def _without(self, left: frozenset[int], gone: Set[int]) -> frozenset[int]:
        return left - gone - frozenset[int]().union(*(self.dependents[member] for member in gone))


def _is_better(one: frozenset[int], other: frozenset[int]) -> bool:
    if len(one) != len(other):
        return len(one) > len(other)
    return sorted(one) < sorted(other)


def _disjoint(active: Sequence[Forbidden]) -> int:
    """A number of members that have to go in any case: one for each of some forbidden sets that share no member."""
    used: set[int] = set()
    number = 0
    for one in active:
        if not used & one:
            used |= one
            number += 1
    return number
