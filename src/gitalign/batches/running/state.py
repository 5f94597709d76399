"""The state of a batch run as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitalign.batches.planning.plan import BatchPlan, ExecutionMode
from gitalign.batches.planning.tasks import TaskId
from gitalign.core.hunks import Hunk
from gitalign.core.names import BATCH_PREFIX, WIP_PREFIX, Oid


class Status(StrEnum):
    """How far a task, a batch or a batch run got."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """A batch run that was asked to end when its running tasks had ended; it can be gone on with."""
    SKIPPED = "skipped"
    """A task whose need failed."""
    NOT_RUN = "not_run"
    """A batch, and its tasks, after one that failed."""

    @property
    def is_final(self) -> bool:
        """True of a batch or a batch run that has come to its end: nothing goes on with it unless it is asked for."""
        return self in (Status.COMPLETED, Status.FAILED)


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SKIPPED, Status.NOT_RUN})


class MergeStatus(StrEnum):
    """What became of a batch's results."""

    SKIPPED = "skipped"
    """There was nothing to merge."""
    WAITING = "waiting"
    """They are merged when `land` is asked for."""
    SUCCESS = "success"
    CONFLICTS = "conflicts"
    TEST_FAILED = "test_failed"
    REFUSED = "refused"
    """A rule, detection, or what the target gained speaks against it."""
    TARGET_MOVED = "target_moved"
    FAILED = "failed"
    """The merge or the move could not be made, for a reason of the machine or of git."""


class Request(StrEnum):
    """What another process asked of a batch run."""

    NONE = ""
    PAUSE = "pause"
    """Start no further task."""
    STOP = "stop"
    """Start no further task, and end when those that run have ended."""
    CANCEL = "cancel"
    """End what runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLeak:
    """A secret that a result holds; its value is kept nowhere.

    Attributes:
        secret: its name in the task list.
        place: the path of the file, or which commit's message.
    """

    secret: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One task of a batch run.

    Attributes:
        status: how far it got.
        attempts: begun.
        base: the commit it started from.
        result: the commit with its result; None when it changed nothing, or failed.
        wip: the last commit that holds what it had not committed, while that counts.
        reason: why it did not complete, in words.
        kept_in: the folder of its work tree, when that holds what no commit can.
        tree: the work tree in which it runs, or ran last; other tasks may use it since.
        notices: what a person should know of it.
        leaks: secrets that its result holds, for which it cannot land.
    """

    status: Status = Status.PENDING
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    base: Oid | None = None
    result: Oid | None = None
    wip: Oid | None = None
    reason: str = ""
    exit_code: int | None = None
    kept_in: str = ""
    tree: str = ""
    notices: tuple[str, ...] = ()
    leaks: tuple[SecretLeak, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultConflict:
    """A result that does not merge onto what was merged before it.

    Attributes:
        first: a result, or the target, with which it conflicts.
        second: the result that does not merge.
        paths: that clash.
        kinds: as git names them; `unrelated histories` or `cannot be merged` where git made no merge.
        hunks: where in text files, as far as that can be shown.
        detail: what git said where it made no merge.
        together: further results without which the two would not conflict.
    """

    first: str
    second: str
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    hunks: tuple[Hunk, ...] = ()
    detail: str = ""
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A result that is not in what landed, or would land.

    Attributes:
        task: its task.
        name: as merges name it.
        because: `conflicts`, `test_failed`, `refused`, or `failed` for a task; `skipped` where what it needs was left out.
        together: names of the results together with which it is at fault; empty when it is so by itself.
        reason: in words.
    """

    task: TaskId
    name: str
    because: MergeStatus
    together: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningConflict:
    """Work of a running task, as it was at its last snapshot, that does not merge with that of another, or with the target.

    Attributes:
        task: a task that runs, or ran when this was noticed.
        other: the other task; None for the target.
        conflict: which is the first, which the second, and where they conflict.
        since: when it was noticed first.
    """

    task: TaskId
    other: TaskId | None
    conflict: ResultConflict
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What became of a batch's results.

    Attributes:
        merge_status: `success` only when every result landed, or was in the target already.
        landed: where the target stands now; None when it did not move.
        landing_run: the run that moved it, for `undo`.
        reason: why it did not land, in words.
        tests: how the operator's tests ended, `not_configured` when there are none.
        output: of checks that refused it.
        conflicts: pairs of results that do not merge with one another.
        would_land: names of the largest set of results that merge.
        left_out: results that did not land though others did (best subset).
        flaky: names of checks that failed and then passed on the same files.
        pushed_to: the remote branch that has it, as `origin/main`; empty when it was not pushed.
        push_detail: why it was not pushed, in words.
    """

    merge_status: MergeStatus
    landed: Oid | None = None
    landing_run: str = ""
    reason: str = ""
    tests: str = ""
    output: str = ""
    conflicts: tuple[ResultConflict, ...] = ()
    would_land: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    flaky: tuple[str, ...] = ()
    pushed_to: str = ""
    push_detail: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether later batches run though not all of this one landed: what was left out is known by name."""
        return bool(self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """One batch of a batch run.

    Attributes:
        base: the commit of the target that its tasks started from.
        landing_run: the run that lands it; written before that run begins.
        outcome: what became of the results; None before that is known.
        reason: why it failed, in words.
        changed_meanwhile: refs, and files of the git directory, that others changed while its tasks ran.
    """

    status: Status = Status.PENDING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    base: Oid | None = None
    landing_run: str = ""
    outcome: Landed | None = None
    reason: str = ""
    changed_meanwhile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRun:
    """A batch run.

    Attributes:
        id: `YYYYMMDD-HHMMSS-xxxxxx`.
        plan: with its tasks.
        target: branch that results land on.
        mode: how tasks are run now; can fall back to sequential.
        mode_reason: why.
        status: of the whole.
        owner: the process that runs it, for people.
        options: how it was started, as JSON values: what confines its tasks holds until it ends.
        running_conflicts: between tasks of the batch that is under way, as they work; empty once the batch is landed or failed.
    """

    id: str
    plan: BatchPlan
    target: str
    mode: ExecutionMode
    mode_reason: str
    created_at: datetime
    status: Status = Status.PENDING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    owner: str = ""
    batches: tuple[BatchProgress, ...] = ()
    tasks: Mapping[TaskId, TaskRun] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    running_conflicts: tuple[RunningConflict, ...] = ()

    def with_task(self, task_id: TaskId, **changes: object) -> BatchRun:
        """The run with a task changed."""
        task = replace(self.tasks[task_id], **changes)  # type: ignore[arg-type]
        return replace(self, tasks={**self.tasks, task_id: task})

    def with_batch(self, number: int, **changes: object) -> BatchRun:
        """The run with a batch changed."""
        batches = list(self.batches)
        batches[number] = replace(batches[number], **changes)  # type: ignore[arg-type]
        return replace(self, batches=tuple(batches))

    @property
    def current_batch(self) -> int | None:
        """Number of the batch that is under way."""
        return next((number for number, one in enumerate(self.batches) if one.status is Status.RUNNING), None)

    @property
    def completed_batches(self) -> int:
        """How many batches have completed."""
        return sum(one.status is Status.COMPLETED for one in self.batches)


BEST_SUBSET = "best_subset"
"""Among the options of a run: the largest set of results that merges and passes lands, and the rest is left out."""
PUSH = "push"
"""Among the options of a run: what lands is pushed."""
PUSH_HOOKS = "push_hooks"
"""Among the options of a run: a push runs and sends what `git push` would."""


def wip_ref(batch_id: str, task_id: TaskId) -> str:
    """Full name of the ref that holds what a task has not committed."""
    return f"{WIP_PREFIX}{batch_id}/{task_id}"


def result_ref(batch_id: str, task_id: TaskId) -> str:
    """Full name of the ref that holds a task's result."""
    return f"{BATCH_PREFIX}{batch_id}/{task_id}"


def new_batch_run(plan: BatchPlan, *, batch_id: str, target: str, at: datetime) -> BatchRun:
    """A batch run in which nothing has happened yet. The plan has tasks and a mode."""
    assert plan.mode is not None
    return BatchRun(
        id=batch_id,
        plan=plan,
        target=target,
        mode=plan.mode.execution_mode,
        mode_reason=plan.mode.reason,
        created_at=at,
        batches=tuple(BatchProgress() for _ in plan.batches),
        tasks={task_id: TaskRun() for batch in plan.batches for task_id in batch.task_ids},
    )
