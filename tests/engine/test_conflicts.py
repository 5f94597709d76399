"""Conflicts grouped by clash, and one of them told from both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.conflict_groups import Conflicts
from gitalign.documents.conflict_groups import dump_conflict_group, dump_shared_conflict
from gitalign.errors import UserError
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = [b"line %d\n" % number for number in range(30)]


def text(**changed: bytes) -> bytes:
    return b"".join(changed.get(f"l{number}", line) for number, line in enumerate(LINES))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`one` and `two` make the same of line 3, beside other things; `three` something else; `far` clashes elsewhere; `fine` not at all."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": text(), "gone": b"1\n"})
    for name, files in (
        ("one", {"list": text(l3=b"drei\n"), "own": b"1\n"}),
        ("two", {"list": text(l3=b"drei\n", l29=b"end\n")}),
        ("three", {"list": text(l3=b"trois\n")}),
        ("far", {"gone": b"2\n"}),
        ("fine", {"fine": b"1\n"}),
    ):
        work.switch(name, "main")
        work.commit(f"on {name}", files)
    work.switch("main")
    work.commit("before", {"x": b"x\n"})
    work.commit("three here", {"list": text(l3=b"three\n")})
    work.commit("away", {"gone": None})
    return work


def groups(found: Conflicts) -> list[tuple[str, ...]]:
    return [group.branches for group in found.groups]


def test_the_same_clash_is_one_group_and_only_that(work: Workspace) -> None:
    before = work.git("for-each-ref")
    found = facade.conflicts(request(work.path))
    assert groups(found) == [("one", "two"), ("far",), ("three",)]
    first = found.groups[0]
    assert first.paths == ("list",)
    assert first.kinds == ("CONFLICT (contents)",)
    assert [(cause.commit, cause.subject, cause.branches) for cause in first.causes] == [
        (work.tip("main~1"), "three here", 2)
    ]
    assert {stop.commit for stop in first.commits} == {work.tip("one"), work.tip("two")}
    assert (found.aligned, found.exit_code(), found.detail) == (1, 1, None)
    assert work.git("for-each-ref") == before
    assert not list((work.path / ".git" / "gitalign").glob("quarantine/*"))


def test_how_a_branch_takes_its_target_in_does_not_count(work: Workspace) -> None:
    work.switch("two")
    work.git("merge", "-q", "--no-edit", "main~2")
    work.switch("main")
    found = facade.conflicts(request(work.path))
    assert groups(found)[0] == ("one", "two")
    assert {one.kind.value for one in found.branches if one.branch in ("one", "two")} == {"replay", "merge"}


def test_asked_again_or_after_a_run_it_is_the_same(work: Workspace) -> None:
    first = facade.conflicts(request(work.path))
    run(work.path)
    again = facade.conflicts(request(work.path))
    assert [dump_conflict_group(group) for group in again.groups] == [
        dump_conflict_group(group) for group in first.groups
    ]
    assert all(one.conflict.cached for one in again.branches)


def test_without_looking_for_the_cause(work: Workspace) -> None:
    found = facade.conflicts(request(work.path), furthest=False)
    assert groups(found) == [("one", "two"), ("far",), ("three",)]
    assert all(not group.causes for group in found.groups)


def test_one_branch_from_both_sides(work: Workspace) -> None:
    found = facade.conflicts(request(work.path), branch="two")
    assert found.detail is not None
    (hunk,) = found.detail.hunks
    assert (hunk.one.first, hunk.one.text, hunk.other.text) == (4, ("three",), ("drei",))
    assert found.detail.ours == "the target main"
    assert found.detail.theirs == "the branch two: commit 1 of 1"
    assert [note.commit for note in found.detail.branch_commits] == [work.tip("two")]
    assert [note.subject for note in found.detail.target_commits] == ["three here"]
    causes = {one.branch: one.conflict.alignable_point is not None for one in found.branches}
    assert causes == {"far": False, "one": False, "three": False, "two": True}


def test_while_merging_the_sides_stand_the_other_way_round(work: Workspace) -> None:
    found = facade.conflicts(request(work.path, strategy="merge"), branch="two")
    assert found.detail is not None
    assert (found.detail.ours, found.detail.theirs) == ("the branch two", "the target main")
    (hunk,) = found.detail.hunks
    assert (hunk.one.text, hunk.other.text) == (("drei",), ("three",))


def test_a_branch_that_is_not_there_or_has_no_conflict(work: Workspace) -> None:
    assert facade.conflicts(request(work.path), branch="fine").detail is None
    with pytest.raises(UserError, match="no branch 'nowhere'"):
        facade.conflicts(request(work.path), branch="nowhere")
    with pytest.raises(UserError, match="main is left out: is a target"):
        facade.conflicts(request(work.path), branch="main")


def test_a_file_with_all_its_sides(work: Workspace) -> None:
    found = facade.conflicts(request(work.path), branch="two")
    assert found.detail is not None
    (file,) = found.detail.files
    assert (file.path, file.hunks, file.has_base, file.lines_left_out) == ("list", 1, True, 0)
    clashing = [(line.kind.value, line.text) for line in file.lines if line.hunk]
    assert clashing == [("ours", "three"), ("base", "line 3"), ("theirs", "drei")]


def test_lines_that_look_like_markers_are_lines(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    heading = b"one\n=======\n||||||| base\n<<<<<<< ours\n>>>>>>> theirs\n=========\n"
    work.commit("base", {"f": b"top\n" + heading + b"end\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f": b"top\n" + heading.replace(b"one", b"two") * 2 + b"end\n"})
    work.switch("main")
    work.commit("main", {"f": b"top\n" + heading.replace(b"one", b"three") + b"end\n"})
    found = facade.conflicts(request(work.path), branch="topic")
    assert found.detail is not None
    (file,) = found.detail.files
    sides = {kind: [line.text for line in file.lines if line.kind.value == kind] for kind in ("ours", "base", "theirs")}
    assert (sides["ours"][0], sides["base"][0], sides["theirs"][0]) == ("three", "one", "two")
    assert not any("ours-" in line.text or "theirs-" in line.text for line in file.lines)


def test_one_conflict_without_looking_for_the_others_again(work: Workspace) -> None:
    asked = request(work.path)
    plan = facade.plan(asked, whatever_is_checked_out=True)
    found = facade.conflicts(asked, plan=plan)
    whole = facade.conflicts(asked, branch="three").detail
    three = next(one for one in found.branches if one.branch == "three")
    assert facade.conflict_detail(asked, plan=plan, conflict=three) == whole
    assert not list((work.path / ".git" / "gitalign").glob("quarantine/*"))


def test_what_branches_of_different_groups_share(work: Workspace) -> None:
    """`both` has the clash of `one` and `two`, and another of its own."""
    work.switch("both", "main~3")
    work.commit("both", {"list": text(l3=b"drei\n"), "gone": b"3\n"})
    work.switch("main")
    found = facade.conflicts(request(work.path))
    assert groups(found) == [("one", "two"), ("far",), ("both",), ("three",)]
    (shared,) = found.shared
    assert (shared.branches, shared.freed, shared.paths, shared.pieces) == (
        ("both", "one", "two"),
        ("one", "two"),
        ("list",),
        1,
    )
    assert shared.example is not None
    assert (shared.example.kind, shared.example.target, shared.example.branch) == ("lines", ("three",), ("drei",))
    assert [dump_shared_conflict(one) for one in facade.conflicts(request(work.path)).shared] == [
        dump_shared_conflict(one) for one in found.shared
    ]


def test_what_is_shared_with_branches_of_an_earlier_look(work: Workspace) -> None:
    """Nobody knew then what they share: it is looked at again, once."""
    work.switch("both", "main~3")
    work.commit("both", {"list": text(l3=b"drei\n"), "gone": b"3\n"})
    work.switch("main")
    for name in ("one", "both"):
        assert not facade.conflicts(request(work.path, only=(name,))).shared
    found = facade.conflicts(request(work.path, only=("one", "both")))
    (shared,) = found.shared
    assert shared.example is not None
    assert (shared.freed, shared.example.branch) == (("one",), ("drei",))
