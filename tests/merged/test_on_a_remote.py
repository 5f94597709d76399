"""Merged branches of a remote: deleted under a lease each, refused one by one, and pushed back by undo."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitalign
from gitalign import facade
from gitalign.core.merged import Merged
from gitalign.core.plan import Permit
from gitalign.core.publication import PushState
from gitalign.core.report import Report
from gitalign.core.run import RunState
from tests import warm
from tests.git.workspace import Workspace

PERMIT = Permit(plan_id="*", push=True)


@pytest.fixture
def remote(work: Workspace) -> Path:
    for name in ("contained", "ahead"):
        work.git("branch", "-qD", name)
    work.git("branch", "-q", "new", "main")
    work.git("push", "-q", "origin", "new")
    work.git("branch", "-qD", "new")
    return work.path.parent / "remote"


def there(work: Workspace, remote: Path) -> dict[str, str]:
    listed = work.git("--git-dir", str(remote), "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)")
    return dict(line.split(" ") for line in listed.splitlines())


def asked(work: Workspace) -> facade.Request:
    return facade.Request(repo=work.path, remote="")


def prune(work: Workspace, found: Merged | None = None) -> Report:
    report = gitalign.prune_merged(asked(work), found=found, permit=PERMIT)
    assert report is not None
    return report


def pushes(report: Report) -> dict[str, PushState]:
    return {one.update.ref.removeprefix("refs/heads/"): one.push for one in report.publications}


def test_deleted_there_and_given_back(work: Workspace, remote: Path) -> None:
    before, here = there(work, remote), work.git("for-each-ref", "refs/heads")
    kept = {one.branch: one.kept for one in gitalign.merged_branches(asked(work)).branches if one.kept}
    assert kept == {"new": "it stands where main stands: it may be new"}
    report = prune(work)
    assert report.exit_code() == 0
    assert pushes(report) == {"ahead": PushState.PUSHED, "contained": PushState.PUSHED}
    assert there(work, remote).keys() == before.keys() - {"ahead", "contained"}
    assert work.git("for-each-ref", "refs/heads") == here
    back = facade.undo(asked(work), report.run.id, push=True, permit=PERMIT)
    assert back.exit_code() == 0
    assert there(work, remote) == before
    facade.undo(asked(work), back.run.id, push=True, permit=PERMIT)
    assert there(work, remote).keys() == before.keys() - {"ahead", "contained"}


def test_a_branch_that_a_teammate_moved_is_left_and_the_others_go(work: Workspace, remote: Path) -> None:
    found = gitalign.merged_branches(asked(work))
    git = ("--git-dir", str(remote))
    theirs = work.git(*git, "commit-tree", "-p", "ahead", "-m", "theirs", "ahead^{tree}")
    work.git(*git, "update-ref", "refs/heads/ahead", theirs)
    report = prune(work, found)
    assert report.exit_code() == 1
    assert pushes(report) == {"ahead": PushState.REJECTED, "contained": PushState.PUSHED}
    assert there(work, remote)["ahead"] == theirs


def test_a_hook_that_refuses_one_is_named(work: Workspace, remote: Path) -> None:
    hook = remote / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in */ahead) echo "ahead is ours" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    report = prune(work)
    told = {one.update.ref: one for one in report.publications}["refs/heads/ahead"]
    assert told.push is PushState.REJECTED
    assert "ahead is ours" in told.push_detail
    assert "contained" not in there(work, remote)


def test_a_name_that_is_taken_again_is_not_overwritten_by_undo(work: Workspace, remote: Path) -> None:
    report = prune(work)
    work.git("push", "-q", "origin", "open:refs/heads/ahead")
    theirs = there(work, remote)["ahead"]
    back = facade.undo(asked(work), report.run.id, push=True, permit=PERMIT)
    assert back.exit_code() == 1
    assert there(work, remote)["ahead"] == theirs
    assert "contained" in there(work, remote)


@pytest.mark.parametrize("effect", ["journal", "push", "end"])
def test_killed_the_remote_is_asked_what_became_of_it(work: Workspace, remote: Path, effect: str) -> None:
    before = there(work, remote)
    assert warm.call("tests.engine.rehearsal:main", work.path, "prune-merged-remote", effect).returncode == -9
    facade.resume(asked(work))
    (record,) = facade.runs(asked(work))
    is_gone = effect == "end"
    assert ("ahead" not in there(work, remote)) is is_gone
    if effect == "journal":
        assert record.state is RunState.FAILED
        return
    assert (record.state, record.outcome) == (RunState.FINISHED, "ok" if is_gone else "attention")
    if is_gone:
        facade.undo(asked(work), record.id, push=True, permit=PERMIT)
        assert there(work, remote) == before
    else:
        prune(work)
        assert "ahead" not in there(work, remote)


def test_at_the_command_line(work: Workspace, remote: Path) -> None:
    done = warm.run("prune", "--merged", "--remote", "--yes", cwd=work.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--push" in done.stdout
    assert "ahead" not in there(work, remote)
    assert warm.run("undo", "last", "--push", "--yes", cwd=work.path).returncode == 0
    assert "ahead" in there(work, remote)
