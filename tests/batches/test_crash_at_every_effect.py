"""A batch run with push, cut off at every effect and at every call of git, before and after it acted, or without room.

Whatever happens: the state is true, `resume` ends it, nothing lands twice, and everything a task ever wrote is under some ref.
A part of the places in every run of the tests, all of them with GITALIGN_THOROUGH=1. A cell that cuts nothing off fails.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import Need, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.state import BatchRun, Status
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.errors import GitAlignError, UnknownBatch
from tests.batches.runs import sh
from tests.batches.trees import World, make_world
from tests.engine.faults import FaultyGit
from tests.histories import git
from tests.needs import IS_THOROUGH, thoroughness
from tests.runs import request

MERGES = ("a", "b", "c")
WRITES = (
    'w=$(od -An -N6 -tx1 /dev/urandom | tr -d " \\n"); echo $w > $GITALIGN_TASK-$w; echo $w > left-$w; '
    "echo $w >> {ledger}; echo $GITALIGN_TASK > $GITALIGN_TASK; git add $GITALIGN_TASK*; git commit -qm x"
)


class Stage:
    """A repository with a remote, a plan of two batches, and what its tasks say that they wrote."""

    def __init__(self, folder: Path) -> None:
        self.world: World = make_world(folder)
        self.remote = folder / "remote.git"
        self.ledger = folder / "ledger"
        git(folder, "clone", "-q", "--bare", str(self.world.path), str(self.remote))
        self.world.git("remote", "add", "origin", str(self.remote))
        self.world.git("fetch", "-q", "origin")
        self.world.git("branch", "-q", "-u", "origin/main", "main")
        self.before = self.world.tip
        script = WRITES.format(ledger=self.ledger)
        tasks = (sh("a", script), sh("b", script, commits_leftovers=False), sh("c", script, needs=(Need("a"),)))
        project = project_id_of(self.world.repository)
        self.plan: BatchPlan = make_plan(TaskList(tasks=tasks, target="main"), project_id=project, at=utc_now())
        self.options = facade.BatchOptions(
            max_concurrency=2, confinement="none", trees=folder / "trees", push=True, snapshot_every_s=0.05
        )

    def start(self, checkpoint: Checkpoint = no_checkpoint) -> BatchRun:
        permit = Permit(plan_id=facade.plan_digest(self.plan), push=True, given_by="test")
        caller = Caller(stop=StopSignal(), checkpoint=checkpoint)
        return facade.start_batches(
            request(self.world.path), self.plan, permit=permit, options=self.options, caller=caller
        )

    def resume(self) -> BatchRun:
        try:
            batch_id = facade.batch_status(request(self.world.path)).run.id
        except UnknownBatch:  # it was killed before it was there
            return self.start()
        run = facade.resume_batches(request(self.world.path), batch_id, options=self.options)
        if run.status is Status.FAILED:
            going_on = facade.GoingOn(retry=True)
            run = facade.resume_batches(request(self.world.path), batch_id, options=self.options, going_on=going_on)
        return run

    def written(self) -> set[str]:
        return set(self.ledger.read_text().split()) if self.ledger.exists() else set()

    def killed(self, work: Callable[[], object]) -> bool:
        """Do something in a process of its own; whether it was killed. Only an error of ours may end it otherwise."""
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                with suppress(GitAlignError):
                    work()
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert status in (0, signal.SIGKILL), f"neither killed nor ended by an error of ours: {status}"
        return status == signal.SIGKILL

    def require_truth(self) -> None:
        """What the state says after a crash is there."""
        with suppress(UnknownBatch):
            view = facade.batch_status(request(self.world.path))
            assert not view.is_alive
            for task_id, task in view.run.tasks.items():
                if task.status is Status.COMPLETED:
                    assert self.world.git("rev-parse", f"refs/gitalign/batch/{view.run.id}/{task_id}") == task.result
            for batch in view.run.batches:
                if batch.status is Status.COMPLETED:
                    assert batch.outcome is not None
                    there = git(self.remote, "merge-base", "--is-ancestor", str(batch.outcome.landed), "main")
                    assert there == ""

    def require_whole(self, run: BatchRun) -> None:
        """Everything landed, once, here and on the remote; nothing of what was ever written is lost; it can be undone."""
        assert run.status is Status.COMPLETED, [one.reason for one in run.batches]
        is_pulled = any("git pull" in one.reason or "main here does not" in one.reason for one in run.batches)
        if is_pulled:
            self.world.git("pull", "-q", "--ff-only")  # pushed; there was no room for the local branch to follow
        subjects = self.world.git("log", "--first-parent", "--format=%s", f"{self.before}..main").splitlines()
        assert [one.split("/")[-1].split(" ")[0] for one in reversed(subjects)] == list(MERGES)
        assert git(self.remote, "rev-parse", "main") == self.world.tip
        assert set(MERGES) <= set(self.world.git("ls-tree", "--name-only", "main").split())
        assert self.world.git("status", "--porcelain") == ""
        self.world.git("fsck", "--strict", "--no-dangling")
        names = self.world.git("rev-list", "--objects", "--all").splitlines()
        kept = {name.rpartition("-")[2] for line in names if (name := line.partition(" ")[2])}
        written = self.written()
        trees = {path.name.rpartition("-")[2] for path in self.options.trees.glob("*/work/tree/*")}  # type: ignore[union-attr]
        assert written <= kept | trees
        assert self.start().id == run.id
        assert self.written() == written
        found = facade.undo_batches(request(self.world.path), run.id, push=True, permit=Permit(plan_id="*", push=True))
        if is_pulled:  # the undo of a landing that was only on the remote leaves the pulled branch alone, and says so
            assert {one.reason for one in found.standing} <= {"main has moved on since"}
            return
        assert found.standing == ()
        assert (self.world.tip, git(self.remote, "rev-parse", "main")) == (self.before, self.before)
        facade.prune_batch_trees(request(self.world.path), options=self.options)
        trees = {path.name.rpartition("-")[2] for path in self.options.trees.glob("*/work/tree/*")}  # type: ignore[union-attr]
        assert written <= kept | trees


EFFECTS = 70
CALLS = {"killed with us": 202, "killed with us after it acted": 202, "no space": 208, "killed before": 208}
"""Of the process that is killed along with git only its own calls count, otherwise also those of tasks. A run has a few more."""
MORE = 15


def chosen(most: int, quick: int, *, at: int = 1, step: int = 1) -> list[int]:
    """Numbers from `at` to `most`: every `step`th, or a few that are spread out."""
    numbers = [*range(at, most + 1, step)]
    return numbers if IS_THOROUGH else [numbers[len(numbers) * (2 * one + 1) // (2 * quick)] for one in range(quick)]


def cut_off(stage: Stage, end: str, number: int) -> bool:
    """Start the run and have it come to a bad end; False when it was over before that."""
    if end == BETWEEN:
        return stage.killed(lambda: stage.start(killer(number)))
    faulty = FaultyGit(stage.ledger.parent / "faulty")
    is_killed = "with us" in end

    def go() -> None:
        with faulty.going_wrong("*", end, number=number, caller=os.getpid() if is_killed else None):
            stage.start()

    assert stage.killed(go) is (is_killed and faulty.calls >= number)
    return faulty.calls >= number


def killer(number: int) -> Checkpoint:
    """Kills this process at its n-th checkpoint."""
    left = count(number, -1)

    def checkpoint(name: str) -> None:
        if next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


BETWEEN = "killed between two effects"
ENDS = tuple(CALLS)
CELLS = [
    *((BETWEEN, number) for number in chosen(EFFECTS, 3)),
    *((end, number) for at, end in enumerate(ENDS, 1) for number in chosen(CALLS[end], 1, at=at, step=len(ENDS))),
]


@pytest.mark.parametrize(("end", "number"), CELLS)
def test_a_run_that_comes_to_a_bad_end_is_finished_by_resume(tmp_path: Path, end: str, number: int) -> None:
    stage = Stage(tmp_path)
    assert cut_off(stage, end, number), f"the run was over before its number {number}: count again"
    stage.require_truth()
    stage.require_whole(stage.resume())


@pytest.mark.timeout(1800)  # a dozen runs and more
@pytest.mark.parametrize("end", [BETWEEN, *ENDS])
def test_the_cells_reach_to_the_end_of_a_run(tmp_path: Path, end: str) -> None:
    """What comes behind the last cell is cut off as well, until a run is over before that."""
    thoroughness("every place behind the last cell")
    last = CALLS.get(end, EFFECTS)
    for number in count(last + 1):
        (tmp_path / str(number)).mkdir()
        stage = Stage(tmp_path / str(number))
        is_cut_off = cut_off(stage, end, number)
        stage.require_truth()
        stage.require_whole(facade.batch_status(request(stage.world.path)).run if not is_cut_off else stage.resume())
        if not is_cut_off:
            break
    assert number - last <= MORE, f"a run has {number - 1} places: have more cells"
