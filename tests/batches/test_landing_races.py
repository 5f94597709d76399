"""Landings that are killed, resumed by two at once, undone; two batches that land at once; a person at work meanwhile."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable

import pytest

from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import BatchRun, Landed, MergeStatus, Status
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError, UserError
from gitalign.facade import undo
from tests.batches.runs import BATCH, Bench, killed_at
from tests.batches.trees import World, grown, world

__all__ = ["world"]

OTHER = "20261127-190000-abcdef"
MERGES = ["base", "Merge a (batch execution)", "Merge b (batch execution)"]
PLACES = ["journal", "pin", "refs", "refs moved", "end"]
NOT_MOVED = ("journal",)


@pytest.fixture
def bench(world: World) -> Bench:
    for name in "ab":
        grown(world, name, {name: ""})
    return Bench.at(world)


def go(bench: Bench, batch_id: str = BATCH, *, checkpoint: Checkpoint = no_checkpoint, attempts: int = 3) -> BatchRun:
    opened = open_for(Request(repo=bench.world.path))
    caller = Caller(stop=StopSignal(), checkpoint=checkpoint)
    return run_batches(bench.context(), batch_id, BatchLander(opened, caller, LandOptions(attempts=attempts)))


def tasks(names: str = "ab") -> list[Task]:
    return [Task(id=name, branch=name) for name in names]


def subjects(bench: Bench) -> list[str]:
    return bench.world.git("log", "--first-parent", "--reverse", "--format=%s", "main").splitlines()


def outcome(run: BatchRun) -> Landed:
    found = run.batches[0].outcome
    assert found is not None
    return found


def side_by_side(*works: Callable[[], object]) -> None:
    """Each in a process of its own, all at once; what git-align refuses is no failure of the process."""
    pids: list[int] = []
    for work in works:
        pid = os.fork()
        if pid == 0:
            code = 0
            try:
                work()
            except GitAlignError:
                pass
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                os._exit(code)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * len(pids)


@pytest.mark.parametrize("place", PLACES)
def test_two_that_resume_at_once_land_it_once(bench: Bench, place: str) -> None:
    bench.new(*tasks())
    assert killed_at(place, lambda checkpoint: go(bench, checkpoint=checkpoint))
    side_by_side(lambda: go(bench), lambda: go(bench))
    run = go(bench)
    assert (run.status, outcome(run).merge_status) == (Status.COMPLETED, MergeStatus.SUCCESS)
    assert (subjects(bench), bench.world.tip) == (MERGES, outcome(run).landed)


@pytest.mark.parametrize("place", PLACES)
def test_what_was_killed_is_undone_or_was_never_done(bench: Bench, place: str) -> None:
    before = bench.world.tip
    bench.new(*tasks())
    assert killed_at(place, lambda checkpoint: go(bench, checkpoint=checkpoint))
    run_id = bench.store.read(BATCH).batches[0].landing_run
    request, permit = Request(repo=bench.world.path), Permit(plan_id="", given_by="test")
    if place in NOT_MOVED:
        with pytest.raises(UserError, match="moved nothing"):
            undo(request, run_id, permit=permit)
    else:
        undo(request, run_id, permit=permit)
    assert bench.world.tip == before
    run = go(bench)
    assert outcome(run).merge_status is MergeStatus.SUCCESS
    assert (subjects(bench), bench.world.tip) == (MERGES, outcome(run).landed)


def test_two_batches_that_land_at_once_both_land(bench: Bench) -> None:
    for name in "cd":
        grown(bench.world, name, {name: ""})
    bench.new(*tasks("ab"))
    bench.new(*tasks("cd"), batch_id=OTHER)
    side_by_side(lambda: go(bench, attempts=9), lambda: go(bench, OTHER, attempts=9))
    runs = [bench.store.read(batch_id) for batch_id in (BATCH, OTHER)]
    assert [(run.status, outcome(run).merge_status) for run in runs] == [(Status.COMPLETED, MergeStatus.SUCCESS)] * 2
    assert len(subjects(bench)) == 5
    assert {*bench.world.git("ls-tree", "--name-only", "main").splitlines()} >= set("abcd")
    for run in runs:
        assert bench.world.git("merge-base", "--is-ancestor", str(outcome(run).landed), "main") == ""


def test_a_landing_waits_for_one_that_is_about_to_move_the_target(bench: Bench) -> None:
    """The first has claimed the target when the second comes: that one waits, merges again, and lands."""
    for name in "cd":
        grown(bench.world, name, {name: ""})
    bench.new(*tasks("ab"))
    bench.new(*tasks("cd"), batch_id=OTHER)
    ready, wanted = os.pipe(), os.pipe()

    def first(name: str) -> None:
        if name == "pin":
            os.write(ready[1], b".")
            os.read(wanted[0], 1)

    def second(name: str) -> None:
        if name == "certificate":
            os._exit(9)  # it got past the claim: it did not wait

    def later() -> None:
        os.read(ready[0], 1)
        pid = os.fork()
        if pid == 0:
            go(bench, OTHER, checkpoint=second)
        time.sleep(0.6)
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it did not wait"
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.write(wanted[1], b".")

    side_by_side(lambda: go(bench, checkpoint=first), later)
    assert outcome(bench.store.read(BATCH)).merge_status is MergeStatus.SUCCESS
    assert outcome(go(bench, OTHER)).merge_status is MergeStatus.SUCCESS
    assert len(subjects(bench)) == 5
