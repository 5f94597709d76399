"""One branch back by `restore`, backup branches that go with an undo, and no names that are left over."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState
from gitalign.core.report import Report
from gitalign.errors import UserError
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request, run

LEAVE = Permit(plan_id="*")
NAMES = ("x", "y", "dir/z")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    for name in NAMES:
        work.switch(name, "main")
        work.commit(name, {name.replace("/", "-"): b"1\n"})
    work.switch("main")
    work.commit("main", {"m": b"1\n"})
    return work


def heads(work: Workspace) -> dict[str, str]:
    listed = work.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
    return dict(line.split(" ") for line in listed)


def restore(work: Workspace, branch: str, run_id: str | None = None) -> Report:
    return facade.restore(request(work.path), branch, run_id, permit=LEAVE)


def backed_up(work: Workspace) -> Report:
    return run(work.path, orchestration__enable_backup_branches=True)


def test_a_run_leaves_no_new_name_and_every_branch_can_be_put_back(work: Workspace) -> None:
    before = heads(work)
    run(work.path)
    moved = heads(work)
    assert moved.keys() == before.keys()
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "--quiet", "--prune=now")
    report = restore(work, "dir/z")
    assert report.exit_code() == 0
    assert heads(work) == {**moved, "dir/z": before["dir/z"]}
    facade.undo(request(work.path), report.run.id, permit=LEAVE)
    assert heads(work) == moved
    for name in NAMES:
        restore(work, name)
    assert heads(work) == before
    assert work.git("fsck", "--no-dangling") == ""


def test_the_last_run_is_taken_back_first_and_a_named_one_only_when_its_turn_has_come(work: Workspace) -> None:
    start = work.tip("x")
    first = run(work.path)
    between = work.tip("x")
    work.commit("on", {"m": b"2\n"})
    second = run(work.path)
    with pytest.raises(facade.MovedOn) as raised:
        restore(work, "x", first.run.id)
    assert f"git align restore x --run {second.run.id}" in (raised.value.hint or "")
    restore(work, "x")
    assert work.tip("x") == between
    with pytest.raises(UserError, match="undone already"):
        restore(work, "x", second.run.id)
    restore(work, "x", first.run.id)
    assert work.tip("x") == start
    with pytest.raises(UserError, match="is where it was"):
        restore(work, "x")
    with pytest.raises(UserError, match="no run moved main"):
        restore(work, "main")


def test_a_branch_that_moved_on_is_refused_with_commands_that_work(work: Workspace) -> None:
    before = work.tip("x")
    run(work.path)
    work.switch("x")
    mine = work.commit("mine", {"mine": b"1\n"})
    done = warm.run("restore", "x", "--yes", "--json", cwd=work.path)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "moved_on"
    assert work.tip("x") == mine
    (command,) = [part for part in error["hint"].replace("   ", ";").split(";") if "rebase" in part]
    work.git(*command.split()[1:])
    assert work.git("rev-parse", "x~1") == before
    assert work.git("diff", "--name-only", "x~1", "x", "--") == "mine"


def test_its_work_tree_follows(work: Workspace, tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    work.git("worktree", "add", "-q", str(desk), "x")
    run(work.path)
    assert (desk / "m").exists()
    restore(work, "x")
    assert not (desk / "m").exists()
    assert work.git("-C", str(desk), "status", "--porcelain") == ""


def test_a_dry_run_says_where_and_changes_nothing(work: Workspace) -> None:
    before = work.tip("x")
    run(work.path)
    moved = heads(work)
    done = warm.run("restore", "x", "--dry-run", "--json", cwd=work.path)
    assert done.returncode == 0
    (move,) = json.loads(done.stdout)["moves"]
    assert (move["update"]["ref"], move["update"]["after"]) == ("refs/heads/x", before)
    assert heads(work) == moved
    assert warm.run("restore", "x", cwd=work.path).returncode == 2, "nobody to ask"
    assert warm.run("restore", "no such", "--yes", cwd=work.path).returncode == 2


def test_one_that_was_cut_off_is_finished_and_no_other_run_is_taken_back(work: Workspace) -> None:
    run(work.path)
    between = work.tip("x")
    work.commit("on", {"m": b"2\n"})
    run(work.path)
    assert warm.call("tests.engine.rehearsal:main", work.path, "restore x", "verify").returncode == -9
    report = restore(work, "x")
    assert [one.state for one in report.publications] == [MoveState.MOVED]
    assert work.tip("x") == between


def test_undo_removes_the_backup_branches_of_what_it_put_back(work: Workspace) -> None:
    before = heads(work)
    done = backed_up(work)
    back = restore(work, "x")
    assert heads(work).keys() - before.keys() == {"backup-y-pre-align", "backup-dir/z-pre-align"}
    facade.undo(request(work.path), back.run.id, permit=LEAVE)
    facade.undo(request(work.path), done.run.id, permit=LEAVE)
    assert heads(work) == before


@pytest.mark.parametrize("effect", ["marked", "backups removed"])
def test_a_killed_undo_removes_them_when_it_is_finished(work: Workspace, effect: str) -> None:
    before = heads(work)
    backed_up(work)
    assert warm.call("tests.engine.rehearsal:main", work.path, "undo", effect).returncode == -9
    facade.resume(request(work.path))
    assert heads(work) == before


def test_undo_leaves_a_backup_branch_that_a_person_has_use_for(work: Workspace, tmp_path: Path) -> None:
    before = heads(work)
    report = backed_up(work)
    work.switch("backup-x-pre-align")
    mine = work.commit("mine", {"mine": b"1\n"})
    work.switch("main")
    work.git("worktree", "add", "-q", str(tmp_path / "desk"), "backup-y-pre-align")
    undone = facade.undo(request(work.path), report.run.id, permit=LEAVE)
    assert heads(work) == {**before, "backup-x-pre-align": mine, "backup-y-pre-align": before["y"]}
    log = (work.path / ".git" / "gitalign" / "runs" / undone.run.id / "audit.jsonl").read_text()
    assert "backup branch backup-x-pre-align stays: it was moved since" in log


def test_backup_branches_take_names_and_no_space(tmp_path: Path, work: Workspace) -> None:
    """A backup is a name of what is there: a hundred branches of a megabyte each need no hundred megabytes."""
    work.switch("x")
    work.commit("large", {"large": random.Random(1).randbytes(1_000_000)})
    work.switch("main")
    plain = Workspace(Path(shutil.copytree(work.path, tmp_path / "plain", symlinks=True)))
    run(plain.path)
    backed_up(work)
    assert {name for name in heads(work) if name.startswith("backup-")} == {
        "backup-x-pre-align",
        "backup-y-pre-align",
        "backup-dir/z-pre-align",
    }
    bytes_of = [
        sum(file.stat().st_size for file in (one.path / ".git/objects").rglob("*") if file.is_file())
        for one in (plain, work)
    ]
    assert bytes_of[0] > 1_000_000
    assert abs(bytes_of[1] - bytes_of[0]) < 10_000
