"""When two conflicts are the same clash, and in which order groups are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.conflict_groups import BranchConflict, conflict_signature, grouped
from gitalign.core.hunks import conflict_sides
from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted
from gitalign.core.plan import StepKind

CONTENTS = Conflict(kind="CONFLICT (contents)", paths=("f",), message="in f")
STAGES = tuple(StageEntry(stage=stage, mode="100644", oid=Oid(f"{stage:040x}"), path="f") for stage in (1, 2, 3))
SIDES = {"f": (((b"ours",), (b"theirs",)),)}
KEY = conflict_signature([CONTENTS], STAGES, SIDES, is_merge=False)


def test_the_rest_of_the_file_and_the_words_do_not_count() -> None:
    others = tuple(replace(entry, oid=Oid("e" * 40)) for entry in STAGES)
    assert conflict_signature([replace(CONTENTS, message="other words")], others, SIDES, is_merge=False) == KEY


def test_which_side_stands_first_does_not_count() -> None:
    swapped = {"f": (((b"theirs",), (b"ours",)),)}
    assert conflict_signature([CONTENTS], STAGES, swapped, is_merge=True) == KEY


@pytest.mark.parametrize(
    "sides",
    [
        {"f": (((b"ours",), (b"other",)),)},
        {"f": (((b"ours",), (b"theirs",)), ((b"ours",), (b"theirs",)))},
        {"f": (((b"ours", b"theirs"), ()),)},
        {"f": (((b"ourstheirs",), ()),)},
        {},
    ],
)
def test_other_content_is_another_clash(
    sides: dict[str, tuple[tuple[tuple[bytes, ...], tuple[bytes, ...]], ...]],
) -> None:
    assert conflict_signature([CONTENTS], STAGES, sides, is_merge=False) != KEY


def test_another_path_or_type_is_another_clash() -> None:
    elsewhere = tuple(replace(entry, path="g") for entry in STAGES)
    assert conflict_signature([replace(CONTENTS, paths=("g",))], elsewhere, {"g": SIDES["f"]}, is_merge=False) != KEY
    assert conflict_signature([replace(CONTENTS, kind="CONFLICT (binary)")], STAGES, SIDES, is_merge=False) != KEY


def test_without_hunks_the_files_count_by_whose_they_are() -> None:
    gone = Conflict(kind="CONFLICT (modify/delete)", paths=("f",), message="")
    replayed, merged = STAGES[:2], (STAGES[0], replace(STAGES[2], oid=STAGES[1].oid))
    key = conflict_signature([gone], replayed, {}, is_merge=False)
    assert conflict_signature([gone], merged, {}, is_merge=True) == key
    assert conflict_signature([gone], merged, {}, is_merge=False) != key
    assert conflict_signature([gone], (STAGES[0], replace(STAGES[1], oid=Oid("d" * 40))), {}, is_merge=False) != key


def test_sides_are_read_between_markers_without_line_ends() -> None:
    marked = b"a\r\n<<<<<<< %b\r\none\r\n=======\r\n>>>>>>> %b\r\nz\r\n" % (b"1" * 40, b"2" * 40)
    assert conflict_sides(marked, one=b"a\r\none\r\nz\r\n", other=b"a\r\nz\r\n") == (((b"one",), ()),)


def conflicting(name: str, clash: str) -> BranchConflict:
    stop = Conflicted(commit=None, position=1, total=1, onto=Oid("a" * 40), conflicts=(CONTENTS,), entries=STAGES)
    return BranchConflict(
        branch=name, target="main", tip=Oid("b" * 40), kind=StepKind.MERGE, signature=clash, conflict=stop
    )


def test_the_group_that_helps_most_comes_first_and_the_untold_stand_alone() -> None:
    found = grouped([conflicting(*one) for one in (("a", "x"), ("b", "y"), ("c", "y"), ("d", ""), ("e", ""))])
    assert [group.branches for group in found] == [("b", "c"), ("a",), ("d",), ("e",)]
