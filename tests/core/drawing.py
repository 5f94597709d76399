"""Histories drawn as text: `main: A-B-C; x: A-D-M+C` is a graph of commits A to M, where M has the parents D and C."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.snapshot import Checkout, Snapshot, Tip


def draw(text: str) -> tuple[dict[str, Oid], dict[Oid, tuple[Oid, ...]]]:
    """Tips by branch name, and parents by commit. Commits are named by what stands in the drawing;
    those merged in but drawn nowhere are roots."""
    tips: dict[str, Oid] = {}
    parents: dict[Oid, tuple[Oid, ...]] = {}
    for line in filter(None, (part.strip() for part in text.split(";"))):
        name, _, chain = line.partition(":")
        below: tuple[Oid, ...] = ()
        for word in chain.strip().split("-"):
            oid, *merged = map(Oid, word.strip().split("+"))
            more = (*below, *merged)
            if parents.get(oid, ()) == ():
                parents[oid] = more
            for other in merged:
                parents.setdefault(other, ())
            below = (oid,)
        (tips[name.strip()],) = below
    return tips, parents


def graph_of(
    parents: Mapping[Oid, tuple[Oid, ...]],
    *,
    shallow: Collection[str] = (),
    unreadable: Mapping[Oid, str] | None = None,
) -> CommitGraph:
    """The graph, with commits in an order in which children stand before parents."""
    children = dict.fromkeys(parents, 0)
    for above in parents.values():
        for oid in above:
            children[oid] += 1
    ready = [oid for oid, count in children.items() if not count]
    rows: list[tuple[Oid, tuple[Oid, ...]]] = []
    while ready:
        oid = ready.pop()
        rows.append((oid, parents[oid]))
        for parent in parents[oid]:
            children[parent] -= 1
            if not children[parent]:
                ready.append(parent)
    assert len(rows) == len(parents), "the drawing has a cycle"
    return CommitGraph(rows, shallow=frozenset(map(Oid, shallow)), unreadable=unreadable or {})


def graph(text: str, *, shallow: Collection[str] = ()) -> tuple[CommitGraph, dict[str, Oid]]:
    """The graph of a drawing and the tips of its branches."""
    tips, parents = draw(text)
    return graph_of(parents, shallow=shallow), tips


def snapshot(
    tips: Mapping[str, Oid],
    *,
    extra: Collection[Tip] = (),
    checkouts: Collection[Checkout] = (),
    remote: str | None = None,
) -> Snapshot:
    """A snapshot in which the branches of a drawing stand."""
    heads = [Tip(ref=f"refs/heads/{name}", oid=oid) for name, oid in sorted(tips.items())]
    return Snapshot(
        repository="/drawn",
        object_format="sha1",
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tips=(*heads, *extra),
        checkouts=tuple(checkouts),
        remote=remote,
    )
