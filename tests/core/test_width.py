"""How many workers go on: the rule by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.width import Signs, WidthBounds, next_width

BOUNDS = WidthBounds(1, 8)
COMPUTING = {"computing": 1.0}


@pytest.mark.parametrize(
    ("signs", "busy", "expected"),
    [
        (Signs(load=0.2), 4, 6),
        (Signs(load=0.2), 3, 4),  # not all of them are busy: more would not be used
        (Signs(load=1.2, **COMPUTING), 4, 4),
        (Signs(load=1.6, **COMPUTING), 4, 3),
        (Signs(load=9.0, computing=0.1), 4, 6),  # they wait for something else, whatever others compute
        (Signs(load=0.2, lock_waits=0.3), 4, 3),
        (Signs(load=0.2, memory=1.0), 4, 2),
        (Signs(load=0.2, memory=0.9), 4, 4),
        (Signs(load=0.2, memory=0.6, memory_of_work=0.6), 4, 5),  # there is room for one more of their size
        (Signs(load=0.2, memory=0.7, memory_of_work=0.7), 4, 4),
        (Signs(load=None), 4, 6),
    ],
)
def test_workers_follow_memory_load_and_lock_waits(signs: Signs, busy: int, expected: int) -> None:
    width = next_width(4, signs, busy=busy, bounds=BOUNDS)
    assert width.allowed == expected
    assert bool(width.reason) == (expected != 4)


def test_memory_that_comes_back_lets_workers_begin_again() -> None:
    allowed, course = 8, []
    for memory in (1.2, 1.1, 0.9, 0.3, 0.3, 0.3):
        signs = Signs(memory=memory, memory_of_work=0.1, load=0.1)
        allowed = next_width(allowed, signs, busy=allowed, bounds=BOUNDS).allowed
        course.append(allowed)
    assert course == [4, 2, 2, 3, 4, 6]


def test_the_beginning_is_within_the_bounds() -> None:
    assert [WidthBounds(*pair).first(2) for pair in ((1, 1), (1, 2), (1, 8), (5, 8), (8, 8))] == [1, 2, 3, 5, 8]
    assert WidthBounds(1, 64).first(16) == 16


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.floats(0, 3), st.none() | st.floats(0, 99), st.floats(0, 64), st.floats(0, 2))
    ),
    st.integers(1, 9),
    st.integers(0, 20),
)
def test_no_signs_lead_out_of_the_bounds(
    seen: list[tuple[float, float, float | None, float, float]], least: int, more: int
) -> None:
    bounds = WidthBounds(least, least + more)
    allowed = bounds.first(2)
    for memory, of_work, load, used, waits in seen:
        signs = Signs(memory=memory, memory_of_work=of_work, load=load, computing=used, lock_waits=waits)
        before, allowed = allowed, next_width(allowed, signs, busy=min(allowed, 4), bounds=bounds).allowed
        assert bounds.least <= allowed <= bounds.most
        assert allowed <= before + max(1, before // 2)
