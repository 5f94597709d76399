"""The order of landing against trying every order, and batches against what they promise."""

from __future__ import annotations

from itertools import combinations, permutations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.errors import UserError
from gitalign.landing.landing_order import Contender, batches, check_dependencies, choose_order, count_stops

NAMES = "abcdef"
Pairs = list[tuple[str, str]]


@st.composite
def graphs(draw: st.DrawFn, most: int = 6, needs: bool = True) -> tuple[list[str], Pairs, Pairs]:
    names = [f"b{at:02}" for at in range(draw(st.integers(1, most)))]
    pairs = list(combinations(names, 2))
    clashes = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    before = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs and needs else []
    shuffled = draw(st.permutations(names))
    rename = dict(zip(names, shuffled, strict=True))
    return names, clashes, [(rename[one], rename[other]) for one, other in before]


def contenders(names: list[str]) -> list[Contender]:
    return [Contender(name) for name in names]


def keeps(order: list[str] | tuple[str, ...], before: Pairs) -> bool:
    place = {name: at for at, name in enumerate(order)}
    return all(place[one] < place[other] for one, other in before)


@settings(max_examples=150)
@given(graphs())
def test_no_order_stops_fewer(given_graph: tuple[list[str], Pairs, Pairs]) -> None:
    names, clashes, before = given_graph
    found = choose_order(contenders(names), clashes, before)
    assert sorted(found.order) == names
    assert keeps(found.order, before)
    assert found.stops == count_stops(found.order, clashes)
    best = min(count_stops(order, clashes) for order in permutations(names) if keeps(order, before))
    assert found.stops == best
    assert found.least_stops <= best


@settings(max_examples=150)
@given(graphs(most=25))
def test_batches_keep_every_promise(given_graph: tuple[list[str], Pairs, Pairs]) -> None:
    names, clashes, before = given_graph
    landing = choose_order(contenders(names), clashes, before)
    made = batches(landing.order, clashes, landing.after)
    number = {name: at for at, batch in enumerate(made) for name in batch}
    assert sorted(number) == names
    assert all(made)
    assert all(number[one] != number[other] for one, other in clashes)
    assert all(number[one] < number[other] for one, other in before)
    # Landing batch by batch stops no more branches than the order does.
    assert count_stops([name for batch in made for name in batch], clashes) == landing.stops


@settings(max_examples=100)
@given(graphs(most=40, needs=False))
def test_without_dependencies_the_answer_is_exact(given_graph: tuple[list[str], Pairs, Pairs]) -> None:
    names, clashes, _ = given_graph
    found = choose_order(contenders(names), clashes, [])
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(clashes)
    largest, _ = nx.max_weight_clique(nx.complement(graph), weight=None)
    assert found.stops == found.least_stops == len(names) - len(largest)


@given(graphs(most=25), st.randoms())
def test_the_order_of_the_input_does_not_matter(given_graph: tuple[list[str], Pairs, Pairs], random: object) -> None:
    names, clashes, before = given_graph
    one = choose_order(contenders(names), clashes, before)
    other = choose_order(contenders(names[::-1]), clashes[::-1], before[::-1])
    assert one == other
    assert batches(one.order, clashes, one.after) == batches(other.order, clashes[::-1], other.after)


def test_a_hub_lands_last() -> None:
    clashes = [("hub", "a"), ("hub", "b"), ("c", "hub")]
    found = choose_order(contenders(["hub", "a", "b", "c"]), clashes, [])
    assert (found.order[-1], found.stops, found.least_stops) == ("hub", 1, 1)


def test_priority_counts_among_equals() -> None:
    found = choose_order([Contender("a"), Contender("b", 5), Contender("c")], [], [])
    assert found.order == ("b", "a", "c")
    hub = choose_order([Contender("a"), Contender("hub", 5), Contender("c")], [("hub", "a"), ("hub", "c")], [])
    assert hub.order[-1] == "hub"
    pair = choose_order([Contender("x"), Contender("y", 5)], [("x", "y")], [])
    assert (pair.order, pair.stops) == (("y", "x"), 1)


def test_many_branches_get_an_answer_with_a_bound() -> None:
    names = [f"b{at:03}" for at in range(500)]
    clashes = [
        (names[at], names[(at * 7 + step) % 500])
        for at in range(500)
        for step in (1, 2, 3)
        if at != (at * 7 + step) % 500
    ]
    found = choose_order(contenders(names), clashes, [(names[0], names[1])])
    assert 0 < found.least_stops <= found.stops < 500


def test_a_circle_is_named() -> None:
    with pytest.raises(UserError, match="circle: a before c before b before a") as caught:
        check_dependencies([("b", "a"), ("a", "c"), ("c", "b"), ("c", "d")])
    assert caught.value.code == "dependency_cycle"
    with pytest.raises(UserError, match="circle: a before a"):
        check_dependencies([("a", "a")])
    check_dependencies([("a", "b"), ("b", "c"), ("a", "c")])
