"""A work tree that is left half-way: whole again at once or by recovery, and nothing of what a person wrote is lost."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.errors import GitAlignError
from gitalign.git.following import Follower
from gitalign.git.mending import bring, differing
from gitalign.git.repository import open_repository
from gitalign.git.worktree import WorkTreeMove, lock_text, work_tree_git
from tests import warm
from tests.engine.faults import FaultyGit
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"
RUN = "20260101-000000-abcdef"
LINES = b"".join(b"line %d\n" % number for number in range(3_000))
BEFORE: dict[str, bytes] = {
    ".gitattributes": b"dos text eol=crlf\n",
    "a": b"old\n",
    "dir/x": b"x\n",
    "dir/y": b"y\n",
    "dos": b"one\ntwo\n",
    "gone/file": b"gone\n",
    "m-large": LINES,
    "same": b"same\n",
    "script": b"#!/bin/sh\n",
    "thing": b"thing\n",
    "z": b"old\n",
}


def built(place: Path) -> Workspace:
    """`main` changes files in every way there is; `topic`, in a work tree of its own, and `other` are behind."""
    work = Workspace(place / "repo")
    os.symlink("a", work.path / "link")
    work.commit("base", BEFORE)
    for name in ("topic", "other"):
        work.switch(name, "main")
        work.commit(name, {f"own-{name}": b"1\n"})
    work.switch("main")
    for name in ("dir", "gone"):
        shutil.rmtree(work.path / name)
    (work.path / "thing").unlink()
    (work.path / "link").unlink()
    os.symlink("z", work.path / "link")
    (work.path / "script").chmod(0o755)
    work.commit(
        "changes",
        {
            "a": b"new\n",
            "dir": b"a file now\n",
            "dos": b"one\nnew\ntwo\n",
            "m-large": LINES.replace(b"line 7\n", b"seven\n"),
            "new/file": b"new\n",
            "thing/inner": b"inner\n",
            "z": b"new\n",
        },
    )
    work.git("worktree", "add", "-q", str(place / "desk"), "topic")
    return work


def is_whole(work: Workspace) -> None:
    """Every work tree equals its branch, no lock and no index of ours stays, and git itself is content."""
    for path in (work.path, work.path.parent / "desk"):
        assert work.git("-C", str(path), "status", "--porcelain", "--ignored") == "", path
    assert [
        one for one in (work.path / ".git").rglob("*") if one.name.startswith("index") and one.name != "index"
    ] == []
    assert list((work.path / ".git").rglob("*.lock")) == []


@pytest.mark.parametrize(
    "end",
    [
        "killed before",
        "killed after",
        "killed while it writes",
        "refused",
        "no space",
        "no space for the larger files",
    ],
)
def test_read_tree_goes_wrong_once(tmp_path: Path, end: str) -> None:
    """Edge case 62: a killed one is made again, one that failed leaves branch and work tree where they were."""
    work = built(tmp_path)
    before = work.tip("topic")
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong("read-tree", end, number=1):
        report = run(work.path, only=("topic",))
        assert faulty.calls == (2 if end.startswith("killed") else 1), "it went wrong, and a killed one is made again"
    is_whole(work)
    verdict = branch(report, "topic").verdict
    if end.startswith("killed"):
        assert verdict is Verdict.ALIGNED
    else:
        assert (verdict, work.tip("topic")) == (Verdict.HELD_BACK, before)
        assert "cannot follow" in branch(report, "topic").detail
    assert branch(run(work.path), "topic").verdict in (Verdict.ALIGNED, Verdict.UNCHANGED)
    is_whole(work)


def test_neither_forward_nor_back(tmp_path: Path) -> None:
    """No room for the new files, and none for the old ones: said, and mended when there is room."""
    work = built(tmp_path)
    faulty = FaultyGit(tmp_path / "faulty")
    blocked = FaultyGit(tmp_path / "blocked", git=faulty.executable)
    with (
        faulty.going_wrong("read-tree", "no space for the larger files"),
        blocked.going_wrong("checkout-index", "no space", every=True),
        pytest.raises(GitAlignError),
    ):
        run(work.path, only=("topic",))
    assert (work.path / ".git" / "worktrees" / "desk" / "index.lock").exists(), "git keeps away meanwhile"
    facade.resume(request(work.path))
    assert work.tip("topic~1") == work.tip("main")
    is_whole(work)


def killed(work: Workspace, *, end: str, verb: str = "read-tree") -> None:
    """A run dies together with a git that it started."""
    with FaultyGit(work.path.parent / "faulty").going_wrong(verb, end):
        done = warm.call("tests.engine.rehearsal:main", work.path, "run", "never", env={"PATH": os.environ["PATH"]})
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("by", ["resume", "run", "undo", "prune"])
@pytest.mark.parametrize("end", ["killed with us while it writes", "killed with us after it acted", "killed with us"])
def test_all_die_in_the_middle_of_a_work_tree(tmp_path: Path, end: str, by: str) -> None:
    """Edge cases 33, 62: whichever command comes next, work tree and branch are finished or put back together."""
    work = built(tmp_path)
    killed(work, end=end)
    asked = request(work.path, committer="preserve")
    if by == "resume":
        reports = facade.resume(asked)
        assert [branch(report, "topic").verdict for report in reports] == [Verdict.ALIGNED]
    elif by == "run":
        run(work.path, committer="preserve")
    elif by == "undo":
        before = work.tip("topic")
        facade.undo(asked, "last", permit=Permit(plan_id="*"))
        assert work.tip("topic") == before, "finished, and undone"
    else:
        facade.prune(asked)
    is_whole(work)
    if by != "undo":
        assert work.tip("topic~1") == work.tip("main")
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_what_a_person_wrote_after_the_crash_stays(tmp_path: Path) -> None:
    """The rest is whole again, the branch is held back, and the report says which file and why."""
    work = built(tmp_path)
    desk = tmp_path / "desk"
    killed(work, end="killed with us while it writes")
    before = work.tip("topic")
    (desk / "a").write_bytes(b"a person's\n")
    (desk / "mine").write_bytes(b"not tracked\n")
    (desk / "same").write_bytes(b"changed in another place\n")
    reports = facade.resume(request(work.path, committer="preserve"))
    assert (desk / "a").read_bytes() == b"a person's\n"
    assert (desk / "mine").read_bytes() == b"not tracked\n"
    assert (desk / "same").read_bytes() == b"changed in another place\n"
    lines = work.git("-C", str(desk), "status", "--porcelain").splitlines()
    assert lines == [" M a", " M same", "?? mine"]
    assert work.tip("topic") == before
    held = branch(reports[0], "topic")
    assert held.verdict is Verdict.HELD_BACK
    assert "uncommitted changes in a, same" in held.detail
    assert not (work.path / ".git" / "worktrees" / "desk" / "index.lock").exists()
    events = work.path / ".git" / "gitalign" / "runs" / reports[0].run.id / "audit.jsonl"
    assert events.exists()


def test_a_person_removed_the_lock(tmp_path: Path) -> None:
    """git advises it; the work tree is known to be under way all the same."""
    work = built(tmp_path)
    killed(work, end="killed with us while it writes")
    (work.path / ".git" / "worktrees" / "desk" / "index.lock").unlink()
    facade.resume(request(work.path, committer="preserve"))
    assert work.tip("topic~1") == work.tip("main")
    is_whole(work)


@pytest.mark.parametrize("kind", ["split index", "sparse checkout"])
def test_special_work_trees(tmp_path: Path, kind: str) -> None:
    """An index in two files; files that are not checked out stay so."""
    work = built(tmp_path)
    desk = tmp_path / "desk"
    if kind == "split index":
        work.git("-C", str(desk), "config", "core.splitIndex", "true")
        work.git("-C", str(desk), "update-index", "--split-index")
    else:
        work.git("-C", str(desk), "sparse-checkout", "set", "--no-cone", "/a", "/dos", "/.gitattributes", "/m-large")
    killed(work, end="killed with us while it writes")
    facade.resume(request(work.path, committer="preserve"))
    assert work.tip("topic~1") == work.tip("main")
    assert work.git("-C", str(desk), "status", "--porcelain") == ""
    assert (desk / "z").exists() == (kind == "split index")


def test_a_lock_of_another_git_stays(tmp_path: Path) -> None:
    work = built(tmp_path)
    lock = work.path / ".git" / "worktrees" / "desk" / "index.lock"
    lock.write_bytes(b"")
    report = run(work.path, only=("topic",))
    assert branch(report, "topic").verdict is Verdict.HELD_BACK
    assert "index.lock" in branch(report, "topic").detail
    assert lock.read_bytes() == b""


def test_an_index_that_there_is_no_room_for_is_not_said_to_be_locked(tmp_path: Path) -> None:
    work = built(tmp_path)
    os.utime(tmp_path / "desk" / "a", (1, 1))  # the index has to be written again
    with FaultyGit(tmp_path / "faulty").going_wrong("update-index", "no space", every=True):
        report = run(work.path, only=("topic",))
    assert branch(report, "topic").verdict is Verdict.HELD_BACK
    assert "cannot be refreshed: fatal: " in branch(report, "topic").detail
    assert "index.lock is there" not in branch(report, "topic").detail
    run(work.path, only=("topic",))
    assert work.tip("topic~1") == work.tip("main")


def test_git_keeps_away_until_the_branch_has_moved(tmp_path: Path) -> None:
    """Between work tree and branch a commit would take the target's changes for the person's own."""
    work = built(tmp_path)
    desk = tmp_path / "desk"
    said: list[str] = []

    def checkpoint(name: str) -> None:
        if name in ("work tree", "refs", "refs moved"):
            said.append(work.git("-C", str(desk), "commit", "-q", "--allow-empty", "-m", "in between", check=False))
            assert (desk / ".git").exists()

    tip = work.tip("topic")
    facade.run(request(work.path, only=("topic",)), permit=Permit(plan_id="*"), checkpoint=checkpoint)
    assert len(said) == 3
    assert work.tip("topic~1") == work.tip("main")
    assert work.tip("topic@{1}") == tip
    is_whole(work)


@pytest.mark.parametrize("seed", range(40 if IS_THOROUGH else 5))
def test_any_mixture_is_brought_to_either_commit(tmp_path: Path, seed: int) -> None:
    """Every path at before, at after, missing or written in part, under either index."""
    chance = random.Random(seed)
    work = built(tmp_path)
    desk = tmp_path / "desk"
    before, after = Oid(work.tip("topic")), Oid(work.git("rev-parse", "other"))
    work.switch("other")
    work.git("rebase", "-q", "main")
    after = Oid(work.tip("other"))
    work.switch("main")
    git = work_tree_git(open_repository(work.path), str(desk))
    paths = differing(git, before, after)
    if chance.random() < 0.5:
        git.run("read-tree", "-m", after)
    for one in paths:
        place = desk / os.fsdecode(one.name)
        entry = chance.choice([one.before, one.after, ("000000", "")])
        is_part = chance.random() < 0.3
        if place.is_symlink() or place.is_file():
            place.unlink()
        if entry[0] != "000000" and not any(parent.is_file() for parent in place.parents) and not place.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            content = git.run("cat-file", "--filters", f"--path={os.fsdecode(one.name)}", entry[1]).stdout
            if entry[0] == "120000":
                os.symlink(content, place)
            else:
                place.write_bytes(content[: len(content) // 2] if is_part else content)
                place.chmod(int(entry[0][-3:], 8))
    (desk / "new-untracked").write_bytes(b"1\n")
    for forward in (chance.random() < 0.5, True, False):
        assert bring(git, paths, forward=forward) == []
        wanted = after if forward else before
        assert git.run("diff-index", "--name-status", wanted).stdout == b""
        assert git.run("diff-files", "--name-status").stdout == b""
        assert work.git("-C", str(desk), "ls-files", "--others") == "new-untracked"


def test_folders_and_links_of_a_person_are_not_replaced(tmp_path: Path) -> None:
    """A folder with files of theirs where a file is to be, and a link where a folder is to be."""
    work = built(tmp_path)
    desk = tmp_path / "desk"
    repository = open_repository(work.path)
    before, after = Oid(work.tip("topic")), Oid(work.tip("main"))
    (desk / "a").unlink()
    (desk / "a").mkdir()
    (desk / "a" / "mine").write_bytes(b"1\n")
    shutil.rmtree(desk / "dir")
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", desk / "dir")
    follower = Follower(WorkTreeMove(repository, str(desk), "refs/heads/topic"), RUN)
    assert follower.begin() == ""
    assert (work.path / ".git" / "worktrees" / "desk" / "index.lock").read_bytes() == lock_text(RUN)
    left = follower.bring(before, after, forward=False)
    follower.end()
    assert left == "a, dir, dir/x and 1 more"
    assert (desk / "a" / "mine").read_bytes() == b"1\n"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (desk / "dir").is_symlink()
