"""Hunks read from markers that git itself wrote, and the lines they are said to come from."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.core.hunks import Hunk, conflict_hunks
from tests.git.workspace import Workspace
from tests.histories import git

TEN = [b"line %d\n" % number for number in range(10)]


def merged(place: Path, base: bytes, one: bytes, other: bytes, *, attributes: str = "") -> tuple[bytes, bool]:
    """The file as `git merge-tree` leaves it, and whether it conflicts."""
    work = Workspace(place)
    work.commit("base", {"f": base, ".gitattributes": attributes.encode()})
    for name, content in (("one", one), ("other", other)):
        work.switch(name, "main")
        work.commit(name, {"f": content, name: b""})
    ids = [git(place, "rev-parse", name).strip() for name in ("one", "other")]
    done = subprocess.run(["git", "merge-tree", "--write-tree", *ids], cwd=place, capture_output=True, check=False)
    tree = done.stdout.split(b"\n")[0].decode()
    shown = subprocess.run(["git", "cat-file", "blob", f"{tree}:f"], cwd=place, capture_output=True, check=True)
    return shown.stdout, done.returncode == 1


def hunks(place: Path, base: bytes, one: bytes, other: bytes, *, attributes: str = "") -> tuple[Hunk, ...]:
    marked, conflicts = merged(place, base, one, other, attributes=attributes)
    found = conflict_hunks("f", marked, one=one, other=other)
    assert bool(found) == conflicts
    return found


def lines(hunk: Hunk) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    return (hunk.one.first, hunk.one.last), (hunk.other.first, hunk.other.last)


def test_lines_are_those_of_each_side(tmp_path: Path) -> None:
    base = b"".join(TEN)
    one = b"new\n" + base.replace(b"line 4\n", b"four\n")
    other = base.replace(b"line 4\n", b"vier\nund\n")
    (hunk,) = hunks(tmp_path / "r", base, one, other)
    assert lines(hunk) == ((6, 6), (5, 6))
    assert hunk.one.text == ("four",)
    assert hunk.other.text == ("vier", "und")


def test_a_side_that_deleted_has_no_lines_there(tmp_path: Path) -> None:
    base = b"".join(TEN)
    (hunk,) = hunks(tmp_path / "r", base, base.replace(b"line 4\n", b""), base.replace(b"line 4\n", b"vier\n"))
    assert lines(hunk) == ((5, 4), (5, 5))
    assert hunk.one.text == ()


def test_lines_that_look_like_markers_are_content(tmp_path: Path) -> None:
    heading = b"<<<<<<< not a marker\n=======\n>>>>>>> neither\n"
    base = heading + b"".join(TEN)
    (hunk,) = hunks(tmp_path / "r", base, base.replace(b"line 4\n", b"four\n"), base.replace(b"line 4\n", b"vier\n"))
    assert lines(hunk) == ((8, 8), (8, 8))


def test_longer_markers_line_ends_and_a_last_line_without_end(tmp_path: Path) -> None:
    base = b"a\r\nb\r\nc"
    (hunk,) = hunks(
        tmp_path / "r", base, b"a\r\nb\r\none", b"a\r\nb\r\nother", attributes="f conflict-marker-size=12\n"
    )
    assert lines(hunk) == ((3, 3), (3, 3))
    assert (hunk.one.text, hunk.other.text) == (("one",), ("other",))


def test_headings_that_look_like_the_separator(tmp_path: Path) -> None:
    base = b"a\n\nTitle\n-----\n\nz\n"
    one, other = (
        base.replace(b"Title\n-----", b"Title A\n=======\nmore"),
        base.replace(b"Title\n-----", b"Title B\n+++++++"),
    )
    (hunk,) = hunks(tmp_path / "r", base, one, other)
    assert (hunk.one.text, hunk.other.text) == (("Title A", "=======", "more"), ("Title B", "+++++++"))
    assert lines(hunk) == ((3, 5), (3, 4))


edits = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([b"", b"x\n", b"y\nz\n", b"line 3\n"])), max_size=4)


@settings(max_examples=60)
@given(ones=edits, others=edits)
def test_told_lines_hold_the_text_of_the_hunk(ones: list[tuple[int, bytes]], others: list[tuple[int, bytes]]) -> None:
    sides: list[bytes] = []
    for changes in (ones, others):
        changed = list(TEN)
        for at, text in changes:
            changed[at] = text
        sides.append(b"".join(changed))
    with tempfile.TemporaryDirectory() as folder:
        found = hunks(Path(folder) / "r", b"".join(TEN), *sides)
    for hunk in found:
        for side, content in ((hunk.one, sides[0]), (hunk.other, sides[1])):
            if side.first is not None and side.last is not None:
                there = content.decode().splitlines()[side.first - 1 : side.last]
                assert there[: len(side.text)] == list(side.text)
                assert bool(there) == bool(side.text)
