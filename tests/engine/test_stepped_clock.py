"""Whether a run lives is never a question of the clock: the clock of its process, or that of the other one, is stepped (edge case 68)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.run import RunState
from tests.engine.test_ownership import state, work
from tests.git.workspace import Workspace
from tests.runs import request, run
from tests.stepped_clock import YEARS_S, Clock

__all__ = ["work"]

PAUSED = "from tests.engine.paused import main; main()"


@contextmanager
def under_way(clock: Clock, work: Workspace, effect: str) -> Iterator[subprocess.Popen[str]]:
    """A run on a clock that waits before an effect."""
    child = clock.start("-c", PAUSED, work.path, effect, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "waits\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def other(clock: Clock, work: Workspace, *words: str) -> str:
    """What git-align says on a clock."""
    done = clock.run("-m", "gitalign", *words, "--repo", work.path)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_the_clock_is_stepped(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    asked = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp()); print(time.monotonic())"
    for offset_s in (YEARS_S, -YEARS_S):
        clock.step_to(offset_s)
        wall, monotonic = clock.run("-c", asked).stdout.splitlines()
        assert [abs(float(one) - time.time() - offset_s) < 60 for one in wall.split()] == [True, True]
        assert abs(float(monotonic) - time.monotonic()) < 60


@pytest.mark.parametrize("offset_s", [YEARS_S, -YEARS_S], ids=["forwards", "backwards"])
def test_a_living_run_is_left_alone_whichever_clock_is_stepped(work: Workspace, tmp_path: Path, offset_s: int) -> None:
    """That of the process that asks, then both in opposite directions, while the run goes on."""
    mine, theirs = Clock(tmp_path / "mine"), Clock(tmp_path / "theirs")
    with under_way(mine, work, "results") as child:
        (record,) = facade.runs(request(work.path))
        for here, there in ((0, offset_s), (offset_s, -offset_s)):
            mine.step_to(here)
            theirs.step_to(there)
            assert "nothing to resume" in other(theirs, work, "resume")
            other(theirs, work, "prune", "--older-than", "0", "--backups", "--yes")
            assert (state(work) / "quarantine" / record.id / "lock").exists()
            assert facade.runs(request(work.path))[0].state is RunState.INTEGRATING
        other(theirs, work, "run", "--yes")
        (later,) = [one for one in facade.runs(request(work.path)) if one.id != record.id]
        (skipped,) = facade.show(request(work.path), later.id).results
        assert getattr(skipped.outcome, "code", "") == "claimed_by_other_run"
        child.communicate("", timeout=120)
        assert child.returncode == 0
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    (finished,) = [one for one in facade.runs(request(work.path)) if one.id == record.id]
    assert finished.state is RunState.FINISHED
    assert finished.finished_at is not None
    assert abs((finished.finished_at - datetime.now(UTC)).total_seconds() - offset_s) < 3600, "its clock was stepped"


@pytest.mark.parametrize("offset_s", [YEARS_S, -YEARS_S], ids=["forwards", "backwards"])
def test_a_killed_run_is_recovered_at_once_whichever_clock_is_stepped(
    work: Workspace, tmp_path: Path, offset_s: int
) -> None:
    """A run that was written down in ten years from now, or ten years ago, is as dead as any other."""
    mine, theirs = Clock(tmp_path / "mine"), Clock(tmp_path / "theirs")
    mine.step_to(offset_s)
    with under_way(mine, work, "refs") as child:
        child.kill()
    theirs.step_to(-offset_s)
    other(theirs, work, "resume")
    assert [one.state for one in facade.runs(request(work.path))] == [RunState.FINISHED]
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    assert run(work.path).counts() == {"unchanged": 1}
