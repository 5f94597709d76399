"""One recovery at a time: another process waits, then says so."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.run import RunState
from gitalign.engine.publishing import recovery_claim as claims
from gitalign.engine.publishing.recovery_claim import RecoveryUnderWay, recovery_claim
from gitalign.process_owner import HeldLock
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request


def built(place: Path) -> Workspace:
    work = Workspace(place / "repo")
    work.commit("base", {"base": b"1\n"})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("main", {"later": b"1\n"})
    return work


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    held = HeldLock.take(tmp_path / "locks" / "recovery.lock")
    assert held is not None
    threading.Timer(0.2, held.release).start()
    with recovery_claim(tmp_path, wait_s=30):
        assert HeldLock.is_held(tmp_path / "locks" / "recovery.lock")


def test_the_wait_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes later changes nothing and says what to do."""
    work = built(tmp_path)
    done = warm.call("tests.engine.rehearsal:main", work.path, "run", "refs")
    assert done.returncode == -9
    before = work.git("for-each-ref")
    held = HeldLock.take(work.path / ".git" / "gitalign" / "locks" / "recovery.lock")
    assert held is not None
    monkeypatch.setattr(claims, "_taken", lambda path, wait_s, real=claims._taken: real(path, 0.1))
    asked = request(work.path)
    with held:
        for call in (
            lambda: facade.resume(asked),
            lambda: facade.prune(asked),
            lambda: facade.run(asked, permit=Permit(plan_id="*")),
            lambda: facade.undo(asked, "last", permit=Permit(plan_id="*")),
        ):
            with pytest.raises(RecoveryUnderWay) as raised:
                call()
            assert raised.value.exit_code == 3
            assert raised.value.hint
    assert work.git("for-each-ref") == before
    assert [report.exit_code() for report in facade.resume(asked)] == [0]


def test_a_stopped_run_is_gone_on_with_once(tmp_path: Path) -> None:
    """Killed while it goes on, it is the new run that is finished: the stopped one is not made again."""
    work = built(tmp_path)
    asked = request(work.path, committer="preserve")
    assert warm.call("tests.engine.rehearsal:main", work.path, "run", "store").returncode == -9
    both = [warm.start("resume", cwd=work.path) for _ in range(2)]
    for one in both:
        out, err = one.communicate()
        assert one.returncode == 0, out + err
    assert [(one.state, one.outcome) for one in facade.runs(asked)] == [
        (RunState.FINISHED, "ok"),
        (RunState.FINISHED, "continued"),
    ]
    for name in ("x", "y"):
        assert work.tip(f"{name}~1") == work.tip("main")


def test_the_next_run_plans_on_what_recovery_moves(tmp_path: Path) -> None:
    """Branches that a run of git-align itself moved are not refused as changed by another."""
    work = built(tmp_path)
    assert warm.call("tests.engine.rehearsal:main", work.path, "run", "refs").returncode == -9
    done = warm.run("run", "--yes", cwd=work.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" not in done.stdout
