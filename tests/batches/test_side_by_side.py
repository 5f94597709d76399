"""How many tasks of a batch run at once, and the fall-back to one after the other: what the plan and the bounds say, word for word.

Rows 144 and 147 of the original requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gitalign.batches.planning.make_plan import judged
from gitalign.batches.planning.plan import BatchPlan, ExecutionMode
from gitalign.batches.planning.tasks import Need, Task
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import BatchRun, MergeStatus, Status
from gitalign.engine.runtime.signals import StopSignal
from gitalign.facade.batch_retrying import to_be_gone_on_with
from tests.batches.runs import BATCH, Bench, sh
from tests.batches.test_batch_landing import lander, outcome_of
from tests.batches.trees import World, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


class Meeting:
    """A folder in which tasks see which others run. Each fails with 9 when it sees more than it may, with 8 when it sees fewer."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._most = folder.with_suffix(".most")
        self._most.touch()

    def task(self, task_id: str, *, sees: int, at_most: int, needs: tuple[Need, ...] = ()) -> Task:
        """A task that ends when it has seen so many running, itself included, and looks for one more than it may see."""
        count = f"$(ls {self._folder} | wc -l)"
        script = (
            f"touch {self._folder}/$GITALIGN_TASK; n=0; "
            f"while [ ! -e {self._folder}.{sees} ]; do n=$((n+1)); [ $n -lt 300 ] || exit 8; "
            f"[ {count} -lt {sees} ] || touch {self._folder}.{sees}; sleep 0.02; done; "
            f"for n in 1 2 3 4 5 6; do [ {count} -le {at_most} ] || exit 9; echo {count} >> {self._most}; sleep 0.02; done; "
            f"echo $GITALIGN_TASK > $GITALIGN_TASK.new; rm {self._folder}/$GITALIGN_TASK"
        )
        return sh(task_id, script, timeout_s=60.0, needs=needs)

    @property
    def most(self) -> int:
        """How many were seen side by side."""
        return max(map(int, self._most.read_text().split()))


def of_batches(bench: Bench, batches: tuple[tuple[str, bool], ...], *tasks: Task) -> BatchPlan:
    """A plan with these tasks in these batches, whether each can run in parallel; a task's id is one letter."""
    plan = bench.plan(*tasks)
    layout = tuple(
        replace(plan.batches[0], batch_id=number, task_ids=tuple(names), can_parallel=can, depends_on=())
        for number, (names, can) in enumerate(batches)
    )
    return judged(replace(plan, batches=layout))


def ended(run: BatchRun) -> dict[str, tuple[str, int | None]]:
    return {task_id: (one.status.value, one.exit_code) for task_id, one in run.tasks.items()}


@pytest.mark.parametrize("most", [2, 3])
def test_as_many_tasks_of_a_parallel_batch_run_at_once_as_the_bound_allows_and_no_more(
    bench: Bench, tmp_path: Path, most: int
) -> None:
    """Five tasks: none ends before it has seen `max_concurrency` of them, none sees one more. 3 where nothing else is said."""
    meeting = Meeting(tmp_path / "meeting")
    bound: dict[str, Any] = {"max_concurrency": most} if most != 3 else {}
    run = bench.run(*(meeting.task(name, sees=most, at_most=most) for name in "abcde"), lander=lander(bench), **bound)
    assert ended(run) == dict.fromkeys("abcde", ("completed", 0))
    assert meeting.most == most
    assert (run.mode, outcome_of(run).merge_status) == (ExecutionMode.PARALLEL, MergeStatus.SUCCESS)


def test_tasks_of_a_batch_that_cannot_run_in_parallel_run_one_by_one_in_the_order_of_the_plan(
    bench: Bench, tmp_path: Path
) -> None:
    """The run itself is parallel, for another batch of it: `can_parallel` holds for each batch by itself."""
    alone, together = Meeting(tmp_path / "alone"), Meeting(tmp_path / "together")
    tasks = (
        *(alone.task(name, sees=1, at_most=1) for name in "cab"),
        *(together.task(name, sees=2, at_most=2) for name in "de"),
    )
    plan = of_batches(bench, (("cab", False), ("de", True)), *tasks)
    bench.new(plan=plan)
    run = run_batches(bench.context(), BATCH, lander(bench))
    assert run.mode is ExecutionMode.PARALLEL
    assert ended(run) == dict.fromkeys("cabde", ("completed", 0))
    assert (alone.most, together.most) == (1, 2)
    began = [data["task_id"] for kind, data in bench.heard if kind == "task_started"]
    assert began[:3] == ["c", "a", "b"]
    took = [(run.tasks[name].started_at, run.tasks[name].finished_at) for name in "cab"]
    assert all(end is not None and begin is not None and end <= begin for (_, end), (begin, _) in pairwise(took))
    assert [data["can_parallel"] for kind, data in bench.heard if kind == "batch_started"] == [False, True]
    assert {one.base for name, one in run.tasks.items() if name in "cab"} == {
        run.batches[0].base
    }  # but from one commit


def test_no_batch_of_a_sequential_run_runs_tasks_side_by_side(bench: Bench, tmp_path: Path) -> None:
    """A foreseen critical conflict in a batch that could run in parallel: the plan is sequential, and the run as well."""
    meeting = Meeting(tmp_path / "meeting")
    plan = of_batches(bench, (("ab", True),), *(meeting.task(name, sees=1, at_most=1) for name in "ab"))
    plan = judged(
        replace(
            bench.plan(sh("a", "true", touches=("x.py",)), sh("b", "true", touches=("x.py",))),
            batches=plan.batches,
            task_list=plan.task_list,
        )
    )
    assert plan.mode is not None
    assert plan.mode.execution_mode is ExecutionMode.SEQUENTIAL
    bench.new(plan=plan)
    run = run_batches(bench.context(max_concurrency=3), BATCH, lander(bench))
    assert (ended(run), meeting.most) == (dict.fromkeys("ab", ("completed", 0)), 1)
    assert run.mode_reason == plan.mode.reason == "critical conflict in batch 0: a and b change x.py"


class Broken:
    """The folder of work trees is out of order from the landing of the first batch on, until the run falls back, or for good."""

    def __init__(self, bench: Bench, *, is_mended: bool) -> None:
        self._root = bench.world.pool.root
        self._aside = self._root.with_name("aside")
        self._is_mended = is_mended
        self.fault = f"cannot make {self._root}: File exists"
        self.fell_back: list[Mapping[str, Any]] = []

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "batch_completed" and data["batch_id"] == 0:
            self._root.rename(self._aside)
            self._root.write_text("in the way")
        if kind == "fell_back":
            self.fell_back.append(data)
            if self._is_mended:
                self.mend()

    def mend(self) -> None:
        """Put the folder back."""
        self._root.unlink()
        self._aside.rename(self._root)


def after_a_batch_that_landed(bench: Bench, tmp_path: Path, broken: Broken, **bounds: Any) -> BatchRun:
    """Three batches of two tasks; the machine fails at the second while its tasks run side by side."""
    meeting = Meeting(tmp_path / "meeting")
    tasks = (
        sh("a", "echo a > a.new"),
        sh("b", "echo b > b.new"),
        *(replace(meeting.task(name, sees=1, at_most=1), max_attempts=1) for name in "cdef"),
    )
    bench.new(plan=of_batches(bench, (("ab", True), ("cd", True), ("ef", True)), *tasks))
    return run_batches(bench.context(listeners=(broken,), **bounds), BATCH, lander(bench))


def test_what_the_machine_cannot_run_side_by_side_runs_one_by_one_from_the_last_good_state_and_lands(
    bench: Bench, tmp_path: Path
) -> None:
    """And so does all that follows; what landed before stays, and the state, the event and the document say why."""
    broken = Broken(bench, is_mended=True)
    run = after_a_batch_that_landed(bench, tmp_path, broken)
    assert ended(run) == {**dict.fromkeys("ab", ("completed", 0)), **dict.fromkeys("cdef", ("completed", 0))}
    assert (run.status, run.mode) == (Status.COMPLETED, ExecutionMode.SEQUENTIAL)
    assert [outcome_of(run, number).merge_status for number in range(3)] == [MergeStatus.SUCCESS] * 3
    good = outcome_of(run, 0).landed
    assert run.batches[1].base == run.tasks["c"].base == run.tasks["d"].base == good
    assert run.batches[2].base == outcome_of(run, 1).landed
    assert {run.tasks[name].attempts for name in "cd"} == {2}  # one that the machine failed at, and the one that ran
    assert run.plan.mode is not None
    assert run.plan.mode.execution_mode is ExecutionMode.PARALLEL  # what was planned is not written over
    said = f"fell back from parallel: {broken.fault}"
    assert run.mode_reason == said
    assert [(one["execution_mode"], one["reason"]) for one in broken.fell_back] == [("sequential", said)]
    assert bench.store.read(BATCH) == run
    listed = bench.world.git("ls-tree", "--name-only", "main").split()
    assert [name for name in listed if name.endswith(".new")] == [f"{name}.new" for name in "abcdef"]
    assert bench.world.git("status", "--porcelain") == ""


def test_where_both_tasks_fail_after_the_fall_back_as_well_nothing_of_them_lands_and_nothing_is_lost(
    bench: Bench, tmp_path: Path
) -> None:
    """Once, not for ever: the run ends as failed, says of both why, keeps what landed, and can be retried."""
    broken = Broken(bench, is_mended=False)
    run = after_a_batch_that_landed(bench, tmp_path, broken)
    assert {name: run.tasks[name].status.value for name in "abcdef"} == {
        **dict.fromkeys("ab", "completed"),
        **dict.fromkeys("cd", "failed"),
        **dict.fromkeys("ef", "not_run"),
    }
    assert [one.status for one in run.batches] == [Status.COMPLETED, Status.FAILED, Status.NOT_RUN]
    assert (run.status, run.mode, len(broken.fell_back)) == (Status.FAILED, ExecutionMode.SEQUENTIAL, 1)
    assert {run.tasks[name].reason for name in "cd"} == {broken.fault}
    assert "2 of 2 tasks did not complete: c, d" in run.batches[1].reason
    assert run.mode_reason == f"fell back from parallel: {broken.fault}"
    assert bench.world.tip == outcome_of(run, 0).landed
    assert bench.world.git("fsck", "--strict", "--no-dangling") == ""
    broken.mend()
    bench.stop = StopSignal()
    again = run_batches(bench.context(), BATCH, lander(bench), prepare=lambda before: to_be_gone_on_with(before, ()))
    assert (again.status, {one.status for one in again.tasks.values()}) == (Status.COMPLETED, {Status.COMPLETED})


@pytest.mark.parametrize(
    ("scripts", "why"), [(("exit 1", "exit 1"), "failed"), (("echo 1 > a.txt", "echo 2 > a.txt"), "conflicts")]
)
def test_red_tasks_and_conflicts_do_not_fall_back(bench: Bench, scripts: tuple[str, str], why: str) -> None:
    run = bench.run(sh("a", scripts[0]), sh("b", scripts[1]), lander=lander(bench))
    assert (run.status, run.mode, "fell_back" in bench.kinds()) == (Status.FAILED, ExecutionMode.PARALLEL, False)
    assert {one.attempts for one in run.tasks.values()} == {1}
    assert (
        outcome_of(run).merge_status.value == why if why == "conflicts" else run.batches[0].reason.startswith("2 of 2")
    )
