"""What a different order of landing would spare, and what each branch is tagged with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import networkx as nx

from gitalign.core.execution_plan import Advice, Held, HeldCode
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.landing.landing_order import count_stops

_MOST_ADVICE = 20


def advice_on(
    order: Sequence[str], pairs: Sequence[tuple[str, str]], before: Sequence[tuple[str, str]]
) -> tuple[Advice, ...]:
    """Branches that come late for the sake of others, and what that spares."""
    place = {name: at for at, name in enumerate(order)}
    clashing: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        clashing[one].add(other)
        clashing[other].add(one)
    stops = count_stops(order, pairs)
    needed: nx.DiGraph[str] = nx.DiGraph(list(before))
    found: list[Advice] = []
    for name in order:
        earlier = sorted((other for other in clashing[name] if place[other] < place[name]), key=place.__getitem__)
        if not earlier or (
            name in needed and any(place[one] > place[earlier[0]] for one in nx.ancestors(needed, name))
        ):
            continue
        rest = [other for other in order if other != name]
        sooner = [*rest[: place[earlier[0]]], name, *rest[place[earlier[0]] :]]
        saves = count_stops(sooner, pairs) - stops
        if saves > 0:
            found.append(Advice(first=tuple(earlier), then=name, saves=saves))
    return tuple(sorted(found, key=lambda one: (-one.saves, one.then))[:_MOST_ADVICE])


def tags_of(
    standing: Mapping[str, BranchPreview], held: Sequence[Held], pairs: Sequence[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    """The tags of each branch, as branch lists have them: whether it conflicts with another, and may land beside others."""
    clashing = {name for pair in pairs for name in pair}
    tags: dict[str, tuple[str, ...]] = {
        name: ("merge-conflict-risk", "tag:sequential_required")
        if name in clashing
        else ("auto-mergeable", "tag:parallel_safe")
        for name in standing
    }
    for one in held:
        if one.code is HeldCode.CONFLICT:
            tags[one.branch] = ("merge-conflict-risk", "tag:sequential_required")
        elif one.code is HeldCode.WAITS:
            tags[one.branch] = ("tag:sequential_required",)
    return dict(sorted(tags.items()))
