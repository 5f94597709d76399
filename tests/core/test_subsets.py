"""The largest set without what is at fault, and who is at fault: compared with trying every set."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.subsets import closed_over, largest_set, minimal_failing

COUNT = 7
GROUPS = st.lists(st.frozensets(st.integers(0, COUNT - 1), min_size=1, max_size=3), max_size=8)
REQUIRES = st.dictionaries(
    st.integers(0, COUNT - 1), st.frozensets(st.integers(0, COUNT - 1), max_size=2), max_size=3
).map(lambda known: {one: {other for other in needed if other < one} for one, needed in known.items()})
ALL = list(chain.from_iterable(combinations(range(COUNT), size) for size in range(COUNT, -1, -1)))


@given(GROUPS, REQUIRES)
def test_the_largest_set_is_that_of_trying_all(forbidden: list[frozenset[int]], requires: dict[int, set[int]]) -> None:
    wanted = next(
        one
        for one in ALL
        if closed_over(one, requires) == frozenset(one) and not any(group <= set(one) for group in forbidden)
    )
    assert largest_set(COUNT, forbidden, requires) == wanted


@given(GROUPS)
def test_who_fails_together_is_minimal(groups: list[frozenset[int]]) -> None:
    asked = []

    def fails(members: object) -> bool:
        asked.append(members)
        return any(group <= set(members) for group in groups)  # type: ignore[call-overload]

    if not fails(range(COUNT)):
        return
    asked.clear()
    culprits = minimal_failing(range(COUNT), fails)
    assert frozenset(culprits) in groups
    assert not any(group < set(culprits) for group in groups)
    assert len(asked) <= 1 + 2 * len(culprits) * 3 + 2 * len(culprits)


def test_no_member_is_at_fault_where_nothing_fails_already() -> None:
    assert minimal_failing(range(4), lambda _: True) == ()


def test_many_that_all_exclude_one_another_are_quickly_one() -> None:
    pairs = [frozenset(pair) for pair in combinations(range(60), 2)]
    assert largest_set(60, pairs) == (0,)
    ring = [frozenset((number, (number + 1) % 41)) for number in range(41)]
    assert len(largest_set(41, ring)) == 20
