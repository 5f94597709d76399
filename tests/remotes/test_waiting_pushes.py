"""A push that did not arrive: every later run says so, in every format, with the command that helps, until it arrived."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing

import pytest

from gitalign import facade
from gitalign.cli.advice import Typed
from gitalign.cli.advice_after_run import after_run
from gitalign.core.publication import PushState
from gitalign.core.report import Report
from gitalign.engine.publishing.waiting import waiting_pushes
from gitalign.engine.run.session import journal_of, open_for
from gitalign.store.moves import SqlMoves
from tests import warm
from tests.remotes.conftest import Shared
from tests.runs import request
from tests.views.test_forecast_page import data_of


def waiting(report: Report) -> dict[str, PushState]:
    return {one.update.ref.removeprefix("refs/heads/"): one.push for one in report.waiting}


def said(shared: Shared, *words: str) -> str:
    done = warm.run(*words, cwd=shared.work.path)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def refused(shared: Shared) -> Report:
    """A run whose push the remote refuses."""
    shared.hook("pre-receive", "echo not on fridays; exit 1")
    report = shared.run(push=True)
    assert {one.push for one in report.publications} == {PushState.REJECTED}
    assert report.waiting == (), "its own verdicts say it"
    return report


def test_a_later_run_says_what_still_waits_in_every_format(shared: Shared) -> None:
    refused(shared)
    shown = said(shared, "run", "--yes")
    assert "not on their remote: 2 branches of earlier runs" in shown
    assert "not on fridays" in shown
    assert "next: git align push   pushes the branches that earlier runs moved" in shown
    assert "2 unchanged" in shown
    asked = request(shared.work.path)
    markdown = facade.write_up(asked, form=facade.ReportFormat.MARKDOWN)
    first = markdown[markdown.index("## What to do first") : markdown.index("## Targets")]
    assert "**2 branches** moved in earlier runs and are not on their remotes (x: origin/x" in first
    assert "<code>git align push</code>" in first
    (row,) = data_of(facade.write_up(asked, form=facade.ReportFormat.HTML))["steps"]["attention"]
    assert (row[0], row[2], row[4]) == (2, "x", "git align push")
    for document in (
        json.loads(said(shared, "run", "--yes", "--json")),
        json.loads(facade.write_up(asked, form=facade.ReportFormat.JSON)),
    ):
        assert document["exit_code"] == 0, "a run that does not push has done what it was asked for"
        assert [(one["update"]["ref"], one["push"]) for one in document["waiting_pushes"]] == [
            ("refs/heads/x", "rejected"),
            ("refs/heads/y", "rejected"),
        ]


def test_it_is_said_every_time_until_it_arrived(shared: Shared) -> None:
    """Also by `status`, and where the answer of a run that changed nothing would be kept for the next one."""
    refused(shared)
    for _ in range(3):
        assert "next: git align push" in said(shared, "run", "--yes")
    assert "git align push" in said(shared)
    (shared.remote / "hooks" / "pre-receive").unlink()
    command = next(
        line for line in said(shared, "run", "--yes").splitlines() if line.startswith("next: git align push")
    )
    said(shared, *shlex.split(command.removeprefix("next: git align ").partition("   ")[0]), "--yes")
    assert {shared.there(name) == shared.here(name) for name in ("x", "y")} == {True}
    shown = said(shared, "run", "--yes")
    assert "not on their remote" not in shown
    assert "git align push" not in shown
    assert "git align push" not in said(shared)
    assert shared.run().waiting == ()


def test_a_move_of_a_later_run_waits_as_well(shared: Shared) -> None:
    refused(shared)
    shared.target_moves_on(pushed=False)
    later = shared.run()
    assert [one.push for one in later.publications] == [PushState.NOT_ASKED, PushState.NOT_ASKED]
    assert waiting(later) == {"x": PushState.REJECTED, "y": PushState.REJECTED}


@pytest.mark.parametrize("how", ["undone", "deleted", "deleted there", "pushed by git"])
def test_what_no_longer_waits_is_not_said(shared: Shared, how: str) -> None:
    report = refused(shared)
    if how == "undone":
        shared.undo(report.run.id)
        assert waiting(shared.run(only=("y",))) == {}
        return
    if how == "deleted":
        shared.work.git("checkout", "-q", "main")
        shared.work.git("branch", "-qD", "x")
    elif how == "deleted there":
        (shared.remote / "hooks" / "pre-receive").unlink()
        shared.work.git("--git-dir", str(shared.remote), "update-ref", "-d", "refs/heads/x")
        shared.work.git("fetch", "-q", "--prune")
    else:
        (shared.remote / "hooks" / "pre-receive").unlink()
        shared.work.git("push", "-q", "--force", "origin", "x")
    assert waiting(shared.run()) == {"y": PushState.REJECTED}


def test_what_was_to_go_to_a_remote_that_is_gone_waits_no_longer(shared: Shared) -> None:
    """Until there is a remote of that name again."""
    refused(shared)
    shared.work.git("remote", "rename", "origin", "old")
    assert waiting(shared.run()) == {}
    assert "git align push" not in said(shared)
    shared.work.git("remote", "rename", "old", "origin")
    assert waiting(shared.run()) == {"x": PushState.REJECTED, "y": PushState.REJECTED}


def test_where_remote_branches_are_not_followed_a_push_waits(shared: Shared) -> None:
    refused(shared)
    for name in ("x", "y"):
        shared.work.git("update-ref", "-d", f"refs/remotes/origin/{name}")
    shared.work.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    assert waiting(shared.run()) == {"x": PushState.REJECTED, "y": PushState.REJECTED}


def test_a_run_that_is_pruned_at_this_moment_waits_for_nothing(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(shared)
    not_pushed = SqlMoves.refs_not_pushed

    def pruned(moves: SqlMoves) -> tuple[str, ...]:
        refs = not_pushed(moves)
        monkeypatch.setattr(SqlMoves, "history_of", lambda *_: dict.fromkeys(refs, ()))
        return refs

    monkeypatch.setattr(SqlMoves, "refs_not_pushed", pruned)
    with journal_of(open_for(request(shared.work.path))) as journal:
        assert waiting_pushes(open_for(request(shared.work.path)).repository, journal) == ()


def test_what_is_held_back_for_the_same_reason_again_is_not_advised_to_be_pushed(shared: Shared) -> None:
    shared.work.git("config", "push.default", "nothing")
    report = shared.run(push=True)
    assert {one.push for one in report.publications} == {PushState.HELD_BACK}
    shown = said(shared, "run", "--yes")
    assert "push.default is nothing" in shown
    assert "next: git align push --dry-run" in shown
    hooks = shared.work.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-push").write_text("#!/bin/sh\nexit 0\n")
    (hooks / "pre-push").chmod(0o755)
    shared.work.git("config", "--unset", "push.default")
    shared.push()
    assert "next: git align push --push-hooks" in said(shared, "run", "--yes")


def test_a_look_that_git_cannot_take_does_not_fail_the_run(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    from gitalign.engine.run import carry_out
    from gitalign.errors import GitError

    refused(shared)

    def fails(*_: object) -> None:
        raise GitError("git cannot be asked", hint="")

    with monkeypatch.context() as during:
        during.setattr(carry_out, "waiting_pushes", fails)
        report = shared.run()
    assert report.exit_code() == 0
    assert any("not known whether pushes of earlier runs still wait" in one for one in report.notices)
    with closing(sqlite3.connect(shared.work.path / ".git/gitalign/gitalign.db")) as journal, journal:
        journal.execute("UPDATE publications SET body = '{' WHERE push = 'rejected'")
    report = shared.run()
    assert report.exit_code() == 0
    assert any("not known whether pushes of earlier runs still wait" in one for one in report.notices)


def test_what_a_service_did_not_push_is_followed_by_a_command_of_it(shared: Shared) -> None:
    typed = Typed(service=("--repository", "sample"))
    advised = [one.command for one in after_run(refused(shared), typed, is_new=True)]
    place = "--repository sample"
    assert advised[:2] == [
        f"git align remote show {place} -v {advised[0].split()[-1]}",
        f"git align remote run {place} --push",
    ]
    assert advised[2].startswith(f"git align remote undo {place} ")
    later = [one.command for one in after_run(shared.run(), typed, is_new=True)]
    assert later == [f"git align remote run {place} --push"]
    shared.work.git("checkout", "-q", "x")
    (shared.work.path / "x").write_text("not committed\n")
    shared.work.git("update-ref", "refs/heads/y", "main")
    held = [one.command for one in after_run(shared.run(only=("x",)), typed, is_new=True)]
    assert held == [f"git align remote run {place} --push"], "what waits is said, though a branch is held back"
