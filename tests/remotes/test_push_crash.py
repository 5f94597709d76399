"""Pushes that are cut off, and undos that are repeated: what remotes hold is asked, and the journal says what happened."""

from __future__ import annotations

from contextlib import closing

import pytest

from gitalign import facade
from gitalign.cli.rendering.runs import show_runs
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import Verdict
from gitalign.core.run import RunRecord, RunState
from gitalign.errors import UserError
from gitalign.store.journal import open_journal
from tests import warm
from tests.cli.test_render import shown
from tests.remotes.conftest import Shared, of
from tests.runs import branch, request


def killed(shared: Shared, verb: str, before: str) -> None:
    """A verb whose process dies before an effect."""
    done = warm.call("tests.engine.rehearsal:main", shared.work.path, verb, before)
    assert (done.returncode, done.stdout) == (-9, before), done.stderr


def runs(shared: Shared) -> tuple[RunRecord, ...]:
    return facade.runs(request(shared.work.path))


class TestRunPush:
    def test_dead_behind_the_push(self, shared: Shared) -> None:
        """Edge case 66: the remote has it, the journal does not know."""
        before = shared.there("x")
        killed(shared, "run-push", "end")
        assert shared.there("x") == shared.here("x") != before
        (report,) = facade.resume(request(shared.work.path))
        assert of(report, "x").push is PushState.PUSHED
        assert report.exit_code() == 0
        undone = shared.undo("last", push=True)
        assert undone.exit_code() == 0
        assert shared.there("x") == shared.here("x") == before

    def test_dead_before_the_push(self, shared: Shared) -> None:
        before = shared.there("x")
        killed(shared, "run-push", "push")
        assert shared.there("x") == before
        (report,) = facade.resume(request(shared.work.path))
        assert of(report, "x").push is PushState.NOT_PUSHED
        assert branch(report, "x").verdict is Verdict.PUSH_FAILED
        assert report.exit_code() == 1
        pushed = shared.push()
        assert of(pushed, "x").push is PushState.PUSHED
        assert shared.there("x") == shared.here("x")

    def test_undo_asks_the_remote_itself(self, shared: Shared) -> None:
        before = shared.there("x")
        killed(shared, "run-push", "end")
        undone = shared.undo("last", push=True)
        assert undone.exit_code() == 0
        assert shared.there("x") == shared.here("x") == before

    def test_a_remote_that_cannot_be_asked_stays_unknown_until_it_can(self, shared: Shared) -> None:
        before = shared.there("x")
        killed(shared, "run-push", "end")
        away = shared.remote.rename(shared.remote.with_name("away.git"))
        (report,) = facade.resume(request(shared.work.path))
        assert of(report, "x").push is PushState.UNKNOWN
        assert "origin/x may or may not have it" in branch(report, "x").detail
        assert report.exit_code() == 1
        undone = shared.undo(report.run.id, push=True)
        assert of(undone, "x").push is PushState.UNKNOWN
        assert undone.exit_code() == 1
        assert shared.here("x") == before
        away.rename(shared.remote)
        # The branch stands forward on the remote, and that is not called a success.
        assert shared.there("x") != before
        asked = facade.resume(request(shared.work.path))
        assert {one.run.id for one in asked} == {report.run.id, undone.run.id}
        assert of(next(one for one in asked if one.run.id == report.run.id), "x").push is PushState.PUSHED
        assert max(one.exit_code() for one in asked) == 1
        again = shared.undo(report.run.id, push=True)
        assert again.exit_code() == 0
        assert shared.there("x") == shared.here("x") == before

    def test_somebody_elses_push_after_ours_is_left_alone(self, shared: Shared) -> None:
        killed(shared, "run-push", "end")
        theirs = shared.teammate_pushes("x")
        undone = shared.undo("last", push=True)
        assert shared.there("x") == theirs
        assert of(undone, "x").push is PushState.REJECTED
        assert "another push came after" in of(undone, "x").push_detail
        assert undone.exit_code() == 1
        assert of(undone, "y").push is PushState.PUSHED

    def test_what_somebody_pushed_on_top_of_it_tells_that_it_arrived(self, shared: Shared) -> None:
        killed(shared, "run-push", "end")
        shared.teammate_pushes("x")
        (report,) = facade.resume(request(shared.work.path))
        assert of(report, "x").push is PushState.UNKNOWN
        assert "git fetch, then git align resume" in branch(report, "x").detail
        assert report.exit_code() == 1
        shared.work.git("fetch", "-q")
        (report,) = facade.resume(request(shared.work.path))
        assert of(report, "x").push is PushState.PUSHED
        assert report.exit_code() == 0
        assert facade.resume(request(shared.work.path)) == ()

    def test_a_push_run_that_died(self, shared: Shared) -> None:
        before = shared.there("x")
        shared.run()
        killed(shared, "push", "end")
        (report,) = facade.resume(request(shared.work.path))
        assert report.run.kind.value == "push"
        assert of(report, "x").push is PushState.PUSHED
        assert report.exit_code() == 0
        shared.undo(report.run.id, push=True)
        assert shared.there("x") == before


class TestUndo:
    @pytest.mark.parametrize("effect", ["journal", "pin", "refs", "save", "verify", "push", "end", "marked"])
    def test_repeated_it_ends_in_what_undo_means(self, shared: Shared, effect: str) -> None:
        """Edge case 66: the same words again, after a kill at any effect."""
        before = {name: shared.there(name) for name in ("x", "y")}
        run = shared.run(push=True)
        killed(shared, "undo-push", effect)
        undone = shared.undo("last", push=True)
        assert undone.exit_code() == 0, effect
        assert {name: shared.there(name) for name in before} == before
        assert {name: shared.here(name) for name in before} == before
        told = {record.id: record for record in runs(shared)}
        assert told[run.run.id].undone_by == undone.run.id
        assert told[run.run.id].undone == 2
        assert told[undone.run.id].undone == 0
        assert told[undone.run.id].state is RunState.FINISHED

    @pytest.mark.parametrize("effect", ["journal", "refs", "marked"])
    def test_so_does_an_undo_by_id(self, shared: Shared, effect: str) -> None:
        before = {name: shared.there(name) for name in ("x", "y")}
        run = shared.run(push=True)
        killed(shared, "undo-push", effect)
        for _ in range(2):
            assert shared.undo(run.run.id, push=True).exit_code() == 0
            assert {name: shared.here(name) for name in before} == before
            assert {name: shared.there(name) for name in before} == before

    def test_a_run_is_undone_only_once_something_was_put_back(self, shared: Shared) -> None:
        run = shared.run()
        killed(shared, "undo", "journal")
        facade.resume(request(shared.work.path))
        first = next(record for record in runs(shared) if record.id == run.run.id)
        assert (first.undone_by, first.undone) == (None, 0)
        part = shared.undo(run.run.id, only=("x",))
        first = next(record for record in runs(shared) if record.id == run.run.id)
        assert (first.undone_by, first.undone, first.moved) == (part.run.id, 1, 2)
        assert f"1 of 2 undone by {part.run.id}" in shown(lambda out: show_runs(out, runs(shared)))
        shared.undo(part.run.id)
        first = next(record for record in runs(shared) if record.id == run.run.id)
        assert (first.undone_by, first.undone) == (None, 0)

    def test_last_is_the_newest_that_moved_something(self, shared: Shared) -> None:
        """A run that moved nothing is passed by."""
        before = shared.here("x")
        run = shared.run()
        assert shared.run().publications == ()
        undone = shared.undo("last")
        assert undone.run.undoes == run.run.id
        assert shared.here("x") == before
        again = shared.undo("last")
        assert again.run.undoes == undone.run.id
        assert shared.here("x") != before

    def test_nothing_to_undo_is_said_and_is_no_run(self, shared: Shared) -> None:
        run = shared.run(only=("nosuch",))
        count = len(runs(shared))
        for asked in ("last", run.run.id):
            with pytest.raises(UserError):
                shared.undo(asked)
        assert len(runs(shared)) == count

    def test_without_push_the_remote_stays_and_is_put_back_later(self, shared: Shared) -> None:
        before = shared.there("x")
        run = shared.run(push=True)
        undone = shared.undo(run.run.id)
        assert undone.exit_code() == 0
        assert shared.here("x") == before != shared.there("x")
        assert facade.is_on_a_remote(request(shared.work.path), run.run.id)
        assert shared.undo(run.run.id, push=True).exit_code() == 0
        assert shared.there("x") == before

    def test_the_report_of_an_undo_says_what_it_did(self, shared: Shared) -> None:
        """Not `cancelled: the run ended before`."""
        run = shared.run(push=True)
        undone = shared.undo(run.run.id, push=True)
        found = facade.show(request(shared.work.path), undone.run.id)
        assert found.counts() == {"put_back": 2}
        told = branch(found, "x")
        assert told.verdict is Verdict.PUT_BACK
        assert told.detail == f"put back to {shared.here('x')[:12]}, pushed to origin/x"
        assert of(found, "x").state is MoveState.MOVED
        for form in facade.ReportFormat:
            assert "ended before" not in facade.write_up(request(shared.work.path), undone.run.id, form=form)


def test_an_undo_that_died_behind_its_push_is_never_called_not_pushed(shared: Shared) -> None:
    """The remote was asked before the push; that answer says nothing about how the push ended."""
    before = shared.there("x")
    shared.run(push=True)
    killed(shared, "undo-push", "end")
    assert shared.there("x") == before
    undone = next(one for one in runs(shared) if one.undoes is not None)
    with closing(open_journal(shared.work.path / ".git" / "gitalign" / "gitalign.db")) as journal:
        states = {one.push for one in journal.publications(undone.id)}
    assert states == {PushState.UNKNOWN}
    facade.resume(request(shared.work.path))
    assert next(one for one in runs(shared) if one.id == undone.id).outcome == "ok"
    assert of(facade.show(request(shared.work.path), undone.id), "x").push is PushState.PUSHED
