"""The order of landing in which the fewest branches stop for a person, and batches that keep it.

A clash is between two branches: whichever lands second stops, once, whatever number of branches it clashes with. So the
branches that land untouched are a set without clashes among them, and the best order makes that set as large as
dependencies allow: an independent set of the clash graph, found exactly where the search ends within its bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from gitalign.errors import UserError

_STEPS, _STEPS_WITH_DEPENDENCIES = 20_000, 2_000
"""Bounds of the search in one group of branches; groups of up to some twenty branches end well before."""
_LARGEST_SEARCHED = 200
"""In larger groups only the first answer of the search is taken: fewest clashes first."""
_LARGEST_MATCHED = 300
"""Larger groups get their lower bound from a greedy matching: a largest one would take minutes."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A branch that could land."""

    name: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Landing:
    """An order of landing.

    Attributes:
        order: every branch.
        stops: how many of them stop because one they clash with landed before.
        least_stops: no order has fewer.
        after: branch -> branches it lands after, by dependency or to spare stops.
    """

    order: tuple[str, ...]
    stops: int
    least_stops: int
    after: Mapping[str, frozenset[str]]


def check_dependencies(before: Iterable[tuple[str, str]]) -> None:
    """Refuse dependencies that go round in a circle.

    Args:
        before: (first, then) pairs.

    Raises:
        UserError: names one circle.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(list(before))
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    names = [edge[0] for edge in cycle]
    start = names.index(min(names))
    names = names[start:] + names[:start]
    raise UserError(
        f"dependencies go round in a circle: {' before '.join([*names, names[0]])}",
        code="dependency_cycle",
        hint="take one of them out of landing.dependencies",
    )


def choose_order(
    contenders: Sequence[Contender], clashes: Iterable[tuple[str, str]], before: Iterable[tuple[str, str]]
) -> Landing:
    """Find the order.

    Args:
        contenders: all branches; higher priority lands earlier among orders that stop equally few.
        clashes: pairs of which the second to land stops.
        before: (first, then) dependencies without a circle.
    """
    names = sorted(one.name for one in contenders)
    known = set(names)
    clash: nx.Graph[str] = nx.Graph()
    clash.add_nodes_from(names)
    clash.add_edges_from(pair for pair in clashes if known.issuperset(pair))
    needs: nx.DiGraph[str] = nx.DiGraph()
    needs.add_nodes_from(names)
    needs.add_edges_from(pair for pair in before if known.issuperset(pair))
    chain: nx.DiGraph[str] = nx.DiGraph(needs)
    priority = {one.name: one.priority for one in contenders}
    untouched: set[str] = set()
    least = 0
    for group in nx.connected_components(nx.compose(clash, needs.to_undirected())):
        members = sorted(group)
        chosen, is_best = _untouched(clash.subgraph(members), needs.subgraph(members), priority)
        untouched |= chosen
        chain.add_edges_from((one, other) for one in chosen for other in clash[one])
        least += len(members) - len(chosen) if is_best else _least_stops(clash.subgraph(members))
    order = tuple(
        nx.lexicographical_topological_sort(
            chain, key=lambda name: (-priority[name], name not in untouched, clash.degree(name), name)
        )
    )
    stops = count_stops(order, clash.edges)
    after = {name: frozenset(chain.predecessors(name)) for name in names}
    return Landing(order, stops, min(least, stops), after)


def count_stops(order: Sequence[str], clashes: Iterable[tuple[str, str]]) -> int:
    """How many branches stop in an order: those that clash with one before them."""
    place = {name: at for at, name in enumerate(order)}
    return len({one if place[one] > place[other] else other for one, other in clashes})


def batches(
    order: Sequence[str], clashes: Iterable[tuple[str, str]], after: Mapping[str, Iterable[str]]
) -> list[list[str]]:
    """Put branches that do not clash together: colouring by DSATUR (most differently surrounded first), dependencies kept.

    Args:
        order: every branch, in the order of landing.
        clashes: pairs that may not share a batch.
        after: branch -> branches whose batches come before its own.
    """
    clash: nx.Graph[str] = nx.Graph()
    clash.add_nodes_from(order)
    clash.add_edges_from(clashes)
    place = {name: at for at, name in enumerate(order)}
    waiting = {name: len(set(after.get(name, ()))) for name in order}
    followers: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for earlier in set(after.get(name, ())):
            followers[earlier].append(name)
    batch: dict[str, int] = {}
    around: dict[str, set[int]] = {name: set() for name in order}
    ready = {name for name in order if not waiting[name]}
    while ready:
        name = max(ready, key=lambda one: (len(around[one]), clash.degree(one), -place[one]))
        ready.remove(name)
        at = 1 + max((batch[earlier] for earlier in after.get(name, ())), default=-1)
        while at in around[name]:
            at += 1
        batch[name] = at
        for other in clash[name]:
            around[other].add(at)
        for follower in followers[name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.add(follower)
    made: list[list[str]] = [[] for _ in range(1 + max(batch.values(), default=-1))]
    for name in order:
        made[batch[name]].append(name)
    return made


def _untouched(clash: nx.Graph[str], needs: nx.DiGraph[str], priority: Mapping[str, int]) -> tuple[set[str], bool]:
    """The largest set of branches that can all land before everything they clash with, and whether it is proved largest.

    Among sets of one size those with higher priorities are preferred, as far as the search comes to them first.
    """
    # Fewest clashes first: the first answer of the search is good then, and its bound bites early.
    names = sorted(clash, key=lambda name: (clash.degree(name), -priority[name], name))
    number = {name: at for at, name in enumerate(names)}
    near = [sum(1 << number[other] for other in clash[name]) for name in names]

    def allowed(chosen: int) -> bool:
        chain: nx.DiGraph[str] = nx.DiGraph(needs)
        chain.add_edges_from((names[at], other) for at in _bits(chosen) for other in clash[names[at]])
        return bool(nx.is_directed_acyclic_graph(chain))

    is_free = needs.number_of_edges() == 0
    if len(names) > _LARGEST_SEARCHED:
        chosen, left = 0, (1 << len(names)) - 1
        for at in range(len(names)):
            if left >> at & 1 and (is_free or allowed(chosen | 1 << at)):
                chosen, left = chosen | 1 << at, left & ~near[at]
        return {names[at] for at in _bits(chosen)}, False
    chosen, is_best = _independent(near) if is_free else _independent_in_order(near, allowed)
    return {names[at] for at in _bits(chosen)}, is_best


def _independent(near: Sequence[int]) -> tuple[int, bool]:
    """A largest set of numbers of which no two are near, and whether it is proved largest. Sets are bits of a number.

    A number with at most one neighbour left can be taken without harm; of the others the one with most is tried both ways.
    """
    best = 0
    steps = 0
    waiting = [(0, (1 << len(near)) - 1)]
    while waiting and steps < _STEPS:
        steps += 1
        chosen, left = waiting.pop()
        while left and chosen.bit_count() + left.bit_count() > best.bit_count():
            around = [((near[at] & left).bit_count(), at) for at in _bits(left)]
            few, at = min(around)
            if few > 1:
                # When no number has more than two neighbours only circles are left: any of a circle may be taken.
                many, hub = max(around)
                if many > 2:
                    waiting.append((chosen, left & ~(1 << hub)))
                    at = hub
            chosen |= 1 << at
            left &= ~(near[at] | 1 << at)
        if chosen.bit_count() > best.bit_count():
            best = chosen
    return best, not waiting


def _independent_in_order(near: Sequence[int], allowed: Callable[[int], bool]) -> tuple[int, bool]:
    """The same where not every set can be put in order: then nothing may be taken without trying it both ways."""
    best = 0
    steps = 0
    waiting = [(0, (1 << len(near)) - 1)]
    while waiting and steps < _STEPS_WITH_DEPENDENCIES:
        steps += 1
        chosen, left = waiting.pop()
        if chosen.bit_count() > best.bit_count():
            best = chosen
        if left and chosen.bit_count() + left.bit_count() > best.bit_count():
            at = (left & -left).bit_length() - 1
            left &= ~(1 << at)
            waiting.append((chosen, left))
            if allowed(chosen | 1 << at):
                waiting.append((chosen | 1 << at, left & ~near[at]))
    return best, not waiting


def _least_stops(clash: nx.Graph[str]) -> int:
    """Of every two that clash one stops: pairs with no branch in common give a lower bound."""
    if len(clash) <= _LARGEST_MATCHED:
        return len(nx.max_weight_matching(clash, maxcardinality=True))
    return len(nx.maximal_matching(clash))


def _bits(mask: int) -> Iterable[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
