"""What a program may not hand back: nothing, one side, a conflict."""

from __future__ import annotations

import pytest

from gitalign.core.conflict import Sides
from gitalign.core.proposals import MadeBy, fault_of

BASE, OURS, THEIRS = b"a\nb\nc\n", b"a\nours\nc\n", b"a\ntheirs\nc\n"


def judged(
    content: bytes,
    *,
    base: bytes = BASE,
    ours: bytes = OURS,
    theirs: bytes = THEIRS,
    by: MadeBy = MadeBy.EXTERNAL,
    marker_size: int = 7,
) -> str:
    return fault_of(content, Sides(base, ours, theirs), marker_size=marker_size, by=by, target=ours)


@pytest.mark.parametrize("by", MadeBy)
@pytest.mark.parametrize("content", [b"", b"\n \n", BASE, OURS, b"a\0b\n"])
def test_what_no_program_may_leave(by: MadeBy, content: bytes) -> None:
    assert judged(content, by=by)
    assert not judged(b"a\nours and theirs\nc\n", by=by)


@pytest.mark.parametrize("by", MadeBy)
@pytest.mark.parametrize(
    "line",
    [
        b"<<<<<<< a",
        b">>>>>>> b",
        b"||||||| base",
        b"|||||||",
        b"<<<<<<<",
        b">>>>>>>\r",
        b"<" * 12 + b" long",
        b"<<<<<<<\n=======\n>>>>>>>",
    ],
)
def test_conflict_markers(by: MadeBy, line: bytes) -> None:
    assert "conflict" in judged(b"x\n" + line + b"\ny\n", by=by)
    assert "conflict" in judged(b"x\n" + line, by=by)


@pytest.mark.parametrize("line", [b"=======", b"<<<<<< six", b"<<<<<<<x", b" >>>>>>> quoted", b"==============="])
def test_what_is_no_marker(line: bytes) -> None:
    assert not judged(b"x\n" + line + b"\ny\n")


def test_rows_that_a_side_has_already_are_its_own_but_for_gits_markers() -> None:
    assert not judged(b"||||||||\nboth\n", ours=OURS + b"||||||||\n")
    assert not judged(b">>>>>>>>>> x\nboth\n", theirs=THEIRS + b">>>>>>>>>> x\n")
    assert judged(b">>>>>>>>>> x\nboth\n", theirs=THEIRS + b">>>>>>>>>> x\n", marker_size=10)
    assert judged(b"<<<<<<< x\nboth\n", theirs=THEIRS + b"<<<<<<< x\n")


def test_markers_of_a_size_that_attributes_ask_for() -> None:
    assert judged(b"<<<<< x\n", marker_size=5)
    assert not judged(b"<<<<< x\n", marker_size=7)


def test_one_side_is_taken_only_where_it_holds_what_the_other_did() -> None:
    assert not judged(b"a\nb\nx\ny\n", base=b"a\nb\n", ours=b"a\nb\nx\n", theirs=b"a\nb\nx\ny\n")
    assert not judged(b"a\nB\n", base=b"a\nb\n", ours=b"a\n b \n", theirs=b"a\nB\n")
    assert judged(b"b\nB\n", base=b"a\nb\n", ours=b"b\nB\n", theirs=b"a\nB\n", by=MadeBy.DRIVER)
    assert judged(b"a\nB\n", base=b"a\nb\n", ours=b"b\n", theirs=b"a\nB\n")


def test_what_is_made_anew_may_be_as_the_branch_has_it() -> None:
    assert not judged(THEIRS, by=MadeBy.REGENERATE)
    assert judged(THEIRS, by=MadeBy.DRIVER)


def test_a_side_with_a_nul_allows_one() -> None:
    assert not judged(b"a\0c\n", ours=b"a\0b\n")
