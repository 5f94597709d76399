"""The search for a place where clean turns into not clean, over every answer anybody could give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.bisection import Bisection, search


def found(clean: list[bool], suspects: list[int]) -> tuple[Bisection, int]:
    """The end of a search, and how many questions it took."""
    state = search(len(clean) - 1, suspects=suspects)
    asked: set[int] = set()
    while not state.is_done:
        position = state.question()
        assert state.clean < position < state.broken
        assert position not in asked
        asked.add(position)
        state = state.answered(position, is_clean=clean[position])
    return state, len(asked)


@given(between=st.lists(st.booleans(), max_size=200), data=st.data())
def test_any_answers_lead_to_a_place_where_clean_turns(between: list[bool], data: st.DataObject) -> None:
    clean = [True, *between, False]
    suspects = sorted(data.draw(st.sets(st.integers(1, len(clean) - 1))))
    state, questions = found(clean, suspects)
    assert state.broken == state.clean + 1
    assert clean[state.clean]
    assert not clean[state.broken]
    assert questions <= 3 * (len(clean) - 1).bit_length()


@given(length=st.integers(1, 5000), data=st.data())
def test_where_it_turns_once_that_place_is_found(length: int, data: st.DataObject) -> None:
    turns = data.draw(st.integers(1, length))
    state, _ = found([place < turns for place in range(length + 1)], [])
    assert state.broken == turns


def test_a_right_guess_is_checked_with_two_questions() -> None:
    state, questions = found([place < 300 for place in range(1001)], [300, 800])
    assert (state.clean, state.broken) == (299, 300)
    assert questions == 2


def test_what_breaks_at_once_takes_one_question() -> None:
    state, questions = found([place < 1 for place in range(1001)], list(range(1, 1001)))
    assert (state.clean, questions) == (0, 1)


def test_a_better_guess_replaces_the_first() -> None:
    state = search(100, suspects=[90]).answered(90, is_clean=False, suspects=[7])
    assert state.question() == 7
