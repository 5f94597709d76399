"""Rows and filters without a terminal."""

from __future__ import annotations

from gitalign.core.conflict import AlignablePoint, Conflict, StageEntry
from gitalign.core.conflict_groups import BranchConflict, Conflicts, grouped
from gitalign.core.conflict_kinds import ConflictSeverity
from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted
from gitalign.core.plan import StepKind
from gitalign.screen.listing import Row, matching, rows_of

ONE = Oid("1" * 40)


def conflict(
    branch: str, clash: str, path: str, *, kind: str = "CONFLICT (contents)", author: str = ""
) -> BranchConflict:
    stop = Conflict(kind=kind, paths=(path,), message="")
    entries = tuple(StageEntry(stage=stage, mode="100644", oid=ONE, path=path) for stage in (1, 2, 3))
    far = AlignablePoint(
        fork=ONE, clean=ONE, broken=ONE, advanced_by=0, remaining=1, is_merge=False, author=author, email=f"{author}@example.org",
        subject="Rework", commit=ONE, position=1, total=1, conflicts=(stop,), paths=(path,),
    )  # fmt: skip
    return BranchConflict(
        branch=branch, target="main", tip=ONE, kind=StepKind.REPLAY, signature=clash,
        conflict=Conflicted(
            commit=ONE, subject=f"work of {branch}", position=1, total=1, onto=ONE, conflicts=(stop,), entries=entries, alignable_point=far
        ),
    )  # fmt: skip


def rows(*branches: BranchConflict) -> tuple[Row, ...]:
    return rows_of(
        Conflicts(targets=(), groups=grouped(branches), branches=branches, detail=None, aligned=0, is_complete=True)
    )


def names(found: tuple[Row, ...]) -> list[tuple[str, ...]]:
    return [row.group.branches for row in found]


def test_most_branches_first_with_kind_and_weight() -> None:
    found = rows(
        conflict("a", "x", "setup.py"),
        conflict("b", "y", "gone", kind="CONFLICT (modify/delete)"),
        conflict("c", "y", "gone", kind="CONFLICT (modify/delete)"),
    )
    assert names(found) == [("b", "c"), ("a",)]
    assert [(row.kinds, row.severity) for row in found] == [
        (("file delete",), ConflictSeverity.HIGH),
        (("content",), ConflictSeverity.MEDIUM),
    ]


def test_every_word_of_a_filter_must_be_somewhere() -> None:
    found = rows(
        conflict("feature/a", "x", "setup.py", author="Ada"), conflict("feature/b", "y", "src/[red].py", author="Bob")
    )
    assert names(matching(found, "")) == [("feature/a",), ("feature/b",)]
    for words in ("ADA", "setup", "a@EXAMPLE setup", "work of feature/a"):
        assert names(matching(found, words)) == [("feature/a",)], words
    assert names(matching(found, "[red]")) == [("feature/b",)]
    assert names(matching(found, "ada bob")) == []
    assert names(matching(found, "content feature")) == [("feature/a",), ("feature/b",)]


def test_a_filter_finds_odd_names_as_they_are_shown() -> None:
    found = rows(conflict("caf\udce9", "x", "a\x1b[31m"), conflict("plain", "y", "b"))
    assert names(matching(found, "caf\\xe9")) == [("caf\udce9",)]
    assert names(matching(found, "\\x1b")) == [("caf\udce9",)]
