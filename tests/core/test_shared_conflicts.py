"""Stops taken to pieces, and what several have in common."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.names import Oid
from gitalign.core.shared_conflicts import Piece, Stop, shared_conflicts, taken_to_pieces

CONTENTS = Conflict(kind="CONFLICT (contents)", paths=("f",), message="m")
DELETED = Conflict(kind="CONFLICT (modify/delete)", paths=("gone",), message="m")


def stages(path: str, *numbers: int, oid: str = "1") -> list[StageEntry]:
    return [StageEntry(stage=number, mode="100644", oid=Oid(oid * 40), path=path) for number in numbers]


A = ((b"target",), (b"branch",))
B = ((b"one", b"two"), ())


def test_lines_are_the_same_whichever_side_stands_first() -> None:
    rebased = taken_to_pieces([CONTENTS], stages("f", 1, 2, 3), {"f": [A, B]}, is_merge=False)
    merged = taken_to_pieces(
        [CONTENTS], stages("f", 1, 2, 3, oid="2"), {"f": [(B[1], B[0]), (A[1], A[0])]}, is_merge=True
    )
    assert rebased == merged
    assert {piece.kind for piece in rebased.values()} == {"lines"}
    assert {(piece.target, piece.branch) for piece in rebased.values()} == {
        (("target",), ("branch",)),
        (("one", "two"), ()),
    }


def test_another_path_or_other_lines_are_another_piece() -> None:
    here = taken_to_pieces([CONTENTS], [], {"f": [A]}, is_merge=False)
    assert not here.keys() & taken_to_pieces([CONTENTS], [], {"g": [A]}, is_merge=False).keys()
    assert not here.keys() & taken_to_pieces([CONTENTS], [], {"f": [B]}, is_merge=False).keys()


def test_whole_files_are_the_same_when_the_files_are() -> None:
    one = taken_to_pieces([DELETED], stages("gone", 1, 3), {}, is_merge=False)
    assert [piece.kind for piece in one.values()] == ["CONFLICT (modify/delete)"]
    assert one.keys() == taken_to_pieces([DELETED], stages("gone", 1, 2), {}, is_merge=True).keys()
    assert one.keys() != taken_to_pieces([DELETED], stages("gone", 1, 3, oid="2"), {}, is_merge=False).keys()
    assert one.keys() != taken_to_pieces([DELETED], stages("gone", 1, 2), {}, is_merge=False).keys()


def test_nothing_of_a_stop_is_forgotten() -> None:
    """A file with hunks may have another conflict besides, and a path may be named by its stages alone."""
    modes = Conflict(kind="CONFLICT (distinct modes)", paths=("f",), message="m")
    found = taken_to_pieces(
        [CONTENTS, modes], [*stages("f", 1, 2, 3), *stages("quiet", 2, 3)], {"f": [A]}, is_merge=False
    )
    assert sorted(piece.kind for piece in found.values()) == ["", "CONFLICT (distinct modes)", "lines"]


def piece(path: str) -> Piece:
    return Piece(paths=(path,), kind="lines", target=(), branch=())


def test_what_branches_of_different_groups_share() -> None:
    stops = {
        "a": Stop(signature="1", pieces=("p",), is_whole=True),
        "b": Stop(signature="2", pieces=("p", "q", "r"), is_whole=True),
        "c": Stop(signature="3", pieces=("q", "r", "s"), is_whole=True),
        "d": Stop(signature="4", pieces=("p",), is_whole=False),
    }
    known = {key: piece(key) for key in "pqrs"}
    found = [(one.branches, one.freed, one.paths, one.pieces) for one in shared_conflicts(stops, known)]
    assert found == [(("a", "b", "d"), ("a",), ("p",), 1), (("b", "c"), (), ("q", "r"), 2)]


def test_what_just_one_group_has_is_told_by_the_group() -> None:
    one = Stop(signature="1", pieces=("p", "q"), is_whole=True)
    assert shared_conflicts({"a": one, "b": one}, {}) == ()
    found = shared_conflicts({"a": one, "b": one, "c": replace(one, signature="2", pieces=("p",))}, {})
    assert [(clash.branches, clash.freed, clash.example) for clash in found] == [(("a", "b", "c"), ("c",), None)]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("pqrst"), min_size=1), max_size=8))
def test_against_counting(held: dict[str, frozenset[str]]) -> None:
    stops = {
        name: Stop(signature="".join(sorted(pieces)), pieces=tuple(sorted(pieces)), is_whole=True)
        for name, pieces in held.items()
    }
    groups = [{name for name in held if held[name] == pieces} for pieces in set(held.values())]
    expected: dict[frozenset[str], set[str]] = {}
    for key in "pqrst":
        names = {name for name, pieces in held.items() if key in pieces}
        if len(names) > 1 and names not in groups:
            expected.setdefault(frozenset(names), set()).add(key)
    found = shared_conflicts(stops, {key: piece(key) for key in "pqrst"})
    assert {frozenset(one.branches): set(one.paths) for one in found} == expected
    for one in found:
        assert set(one.freed) == {name for name in one.branches if held[name] <= set(one.paths)}
