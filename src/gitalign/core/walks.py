"""Walks over numbered commits, each with the numbers of its parents, which are higher than its own. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


def marked(parents: Sequence[tuple[int, ...]], starts: Iterable[int], *, stop: bytearray | None = None) -> bytearray:
    """Marks of everything reachable, without what `stop` marks."""
    marks = bytearray(len(parents))
    stack = list(starts)
    for number in stack:
        marks[number] = 1
    while stack:
        for parent in parents[stack.pop()]:
            if not marks[parent] and not (stop and stop[parent]):
                marks[parent] = 1
                stack.append(parent)
    return marks


def below(parents: Sequence[tuple[int, ...]], starts: Iterable[int], *, floor: int) -> set[int]:
    """Ancestors of the starts, they themselves only when one is below another, with numbers up to `floor`."""
    seen: set[int] = set()
    stack = list(starts)
    while stack:
        for parent in parents[stack.pop()]:
            if parent <= floor and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen


def beyond(parents: Sequence[tuple[int, ...]], target: int, bases: Iterable[int]) -> list[int]:
    """Commits of the target above the bases.

    Walks only as far as there is something to find: lowest number first, so that every child is dealt with before
    its parents, until all that is left to visit is common.
    """
    common = dict.fromkeys(bases, True)
    waiting = list(common)
    open_ends = 0
    if target not in common:
        common[target] = False
        waiting.append(target)
        open_ends = 1
    heapq.heapify(waiting)
    found: list[int] = []
    while open_ends:
        number = heapq.heappop(waiting)
        is_common = common.pop(number)
        if not is_common:
            found.append(number)
            open_ends -= 1
        for parent in parents[number]:
            if parent not in common:
                common[parent] = is_common
                heapq.heappush(waiting, parent)
                open_ends += not is_common
            elif is_common and not common[parent]:
                common[parent] = True
                open_ends -= 1
    return found


def in_gits_order(parents: Sequence[tuple[int, ...]], start: int, own: set[int]) -> list[int]:
    """Oldest first, in the order of `git rev-list --topo-order --reverse`.

    git counts children within the range and works a last-in-first-out queue (commit.c, sort_in_topological_order with
    REV_SORT_IN_GRAPH_ORDER); dates play no part for a single tip.
    """
    if not own:
        return []
    children = dict.fromkeys(own, 0)
    for number in own:
        for parent in parents[number]:
            if parent in children:
                children[parent] += 1
    listed: list[int] = []
    stack = [start]
    while stack:
        number = stack.pop()
        listed.append(number)
        for parent in parents[number]:
            if parent in children:
                children[parent] -= 1
                if not children[parent]:
                    stack.append(parent)
    listed.reverse()
    return listed


class BestOf:
    """Those of some commits that are no ancestors of others.

    Remembered: each branch is asked about several times, and branches made from the same merges stand on the same commits.
    """

    def __init__(self, parents: Sequence[tuple[int, ...]]) -> None:
        self._parents = parents
        self._known: dict[tuple[int, ...], list[int]] = {}

    def of(self, boundary: list[int]) -> list[int]:
        """Lowest number first; the list is shared, and not to be changed."""
        if len(boundary) < 2:
            return boundary
        key = tuple(sorted(boundary))
        if key not in self._known:
            lower = below(self._parents, key, floor=key[-1])
            self._known[key] = [number for number in key if number not in lower]
        return self._known[key]


def own_and_boundary(parents: Sequence[tuple[int, ...]], start: int, reached: bytearray) -> tuple[list[int], list[int]]:
    """Own commits from `start`, and the target's commits they stand on."""
    if reached[start]:
        return [], [start]
    own = [start]
    seen = bytearray(reached)
    seen[start] = 1
    boundary: dict[int, None] = {}
    for number in own:
        for parent in parents[number]:
            if not seen[parent]:
                seen[parent] = 1
                own.append(parent)
            elif reached[parent]:
                boundary[parent] = None
    return own, list(boundary)
