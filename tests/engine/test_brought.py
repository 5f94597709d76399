"""Which commit a merge brought in, held against trying every commit of its side with git alone."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.conflict_groups import BranchConflict, MergeCulprit
from gitalign.core.names import Oid
from tests.git.workspace import Workspace
from tests.runs import request

LINES = [b"line %d\n" % number for number in range(40)]


def text(**changed: bytes) -> bytes:
    return b"".join(changed.get(f"l{number}", line) for number, line in enumerate(LINES))


def merge(work: Workspace, branch: str) -> None:
    work._minute += 1
    work.git("merge", "-q", "--no-ff", "--no-edit", branch)


def one(work: Workspace, branch: str = "topic", strategy: str = "rebase") -> BranchConflict:
    found = facade.conflicts(request(work.path, only=("topic*",), targets=["main"], strategy=strategy))
    return next(each for each in found.branches if each.branch == branch)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic` clashes with the second of three commits that were merged into main."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text()})
    work.switch("side", "main")
    work.commit("first", {"g": b"1\n"})
    work.commit("the one", {"f": text(l3=b"three of side\n")})
    work.commit("last", {"f": text(l3=b"three of side\n", l30=b"thirty\n")})
    work.switch("main")
    work.commit("beside", {"h": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f": text(l3=b"three of topic\n")})
    work.switch("main")
    merge(work, "side")
    work.commit("after", {"h": b"2\n"})
    return work


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_the_commit_and_whose_it_is(work: Workspace, strategy: str) -> None:
    found = one(work, strategy=strategy)
    assert isinstance(found.conflict.alignable_point, AlignablePoint)
    assert found.conflict.alignable_point.broken == work.tip("main~1")
    assert found.merge_culprit == MergeCulprit(
        commit=Oid(work.tip("side~1")), author="A U Thor", email="author@example.org", subject="the one", is_merge=False
    )
    assert one(work, strategy=strategy).merge_culprit == found.merge_culprit


def test_a_group_names_it(work: Workspace) -> None:
    (group,) = facade.conflicts(request(work.path, only=("topic",), targets=["main"])).groups
    assert [(made.subject, made.branches) for made in group.merge_culprits] == [("the one", 1)]


def test_a_merge_within_the_merge_is_looked_into(work: Workspace) -> None:
    work.switch("outer", "main~2")
    work.commit("outer", {"o": b"1\n"})
    merge(work, "side")
    work.switch("main")
    work.git("reset", "-q", "--hard", "main~2")
    merge(work, "outer")
    found = one(work)
    assert isinstance(found.merge_culprit, MergeCulprit)
    assert found.merge_culprit.subject == "the one"


def test_how_it_was_merged_is_told_from_what_was_merged(work: Workspace) -> None:
    work.git("reset", "-q", "--hard", "main~2")
    work.switch("calm", "main~1")
    work.commit("calm", {"c": b"1\n"})
    work.switch("main")
    work.git("merge", "-q", "--no-ff", "--no-commit", "calm")
    work.commit("an evil merge", {"f": text(l3=b"three of nobody\n")})
    found = one(work)
    assert isinstance(found.merge_culprit, Undetermined)
    assert found.merge_culprit.code == "at_the_merge"


def test_no_merge_no_question(work: Workspace) -> None:
    work.git("reset", "-q", "--hard", "main~2")
    work.commit("plain", {"f": text(l3=b"three of main\n")})
    assert one(work).merge_culprit is None


def clashes(work: Workspace, branch: str, commit: str, path: str) -> bool:
    """What git says, asked plainly."""
    done = subprocess.run(
        ["git", "merge-tree", "--write-tree", "--name-only", "--no-messages", branch, commit],
        cwd=work.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode == 1 and path in done.stdout.splitlines()[1:]


@pytest.mark.parametrize("seed", range(3))
def test_against_trying_every_commit(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    work = Workspace(tmp_path / "repo")
    state = {number: b"line %d\n" % number for number in range(40)}

    def file() -> bytes:
        return b"".join(state.values())

    work.commit("base", {"f": file()})
    for number in range(dice.randint(1, 9)):
        if number == 0:
            work.switch("side", "main")
        line = dice.choice([3, 10, 20, 30])
        if dice.random() < 0.6:
            state[line] = b"line %d, side %d\n" % (line, number) if dice.random() < 0.8 else b"line %d\n" % line
            work.commit(f"side {number}", {"f": file(), "note": b"%d\n" % number})
        else:
            work.commit(f"beside {number}", {"note": b"%d\n" % number})
    state[3] = b"line 3, in the end\n"
    work.commit("side, last", {"f": file(), "note": b"end\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f": text(l3=b"topic\n", l20=b"topic\n")})
    work.switch("main")
    work.commit("on", {"h": b"1\n"})
    merge(work, "side")
    found = one(work)
    assert isinstance(found.merge_culprit, MergeCulprit)
    side = work.git("rev-list", "--first-parent", "--reverse", "side", "^main^1").splitlines()
    told = [False, *(clashes(work, "topic", commit, "f") for commit in side)]
    right = {side[place - 1] for place in range(1, len(told)) if told[place] and not told[place - 1]}
    assert found.merge_culprit.commit in right


def test_a_sign_that_git_puts_into_invented_names_is_one_like_any_other_in_a_name(tmp_path: Path) -> None:
    lines = [b"line %d\n" % number for number in range(20)]

    def text_with(word: bytes) -> bytes:
        return b"".join([*lines[:3], word, *lines[4:]])

    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a~1": b"".join(lines), "a~2": b"".join(lines)})
    work.switch("topic", "main")
    work.commit("topic", {"a~1": text_with(b"t\n"), "a~2": text_with(b"t2\n")})
    work.switch("side", "main")
    work.commit("first", {"a~2": text_with(b"s2\n")})
    work.commit("takes it back", {"a~2": b"".join(lines)})
    work.commit("the one", {"a~1": text_with(b"s\n")})
    work.switch("main")
    work.commit("beside", {"h": b"1\n"})
    work.git("merge", "-q", "--no-ff", "--no-edit", "side")
    found = facade.conflicts(request(work.path, only=("topic",))).branches[0].merge_culprit
    assert isinstance(found, MergeCulprit)
    assert found.subject == "the one"
