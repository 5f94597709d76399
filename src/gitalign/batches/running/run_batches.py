"""A batch run from its first task to its last batch: scheduling, snapshots, requests, recovery, and handing results over to be landed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from gitalign.batches.planning.plan import ExecutionMode
from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.running.batch_reports import BatchReports
from gitalign.batches.running.context import BatchContext, Keeper, OwnRefs
from gitalign.batches.running.control import Control
from gitalign.batches.running.judge_batch import BatchJudge, Lander
from gitalign.batches.running.recovering import recover, tasks_of
from gitalign.batches.running.repository_mark import RepositoryMark
from gitalign.batches.running.secrets import SecretUnavailable
from gitalign.batches.running.state import (
    ENDED,
    BatchRun,
    Request,
    Status,
)
from gitalign.batches.running.task_crew import UNDONE, TaskCrew, runs_of
from gitalign.batches.running.what_runs import idle_tasks, is_after_failure
from gitalign.core.names import BATCH_PREFIX, Oid, ref_of
from gitalign.errors import UserError
from gitalign.git.refs import commit_of
from gitalign.process_owner import this_owner

_DECIDED = frozenset({Status.COMPLETED, Status.FAILED, Status.NOT_RUN})
_MOST_CHANGES = 50
_MOST_NAMED = 5


def _as_it_is(run: BatchRun) -> BatchRun:
    return run


def run_batches(
    context: BatchContext,
    batch_id: str,
    lander: Lander | None,
    *,
    prepare: Callable[[BatchRun], BatchRun] = _as_it_is,
    starts_tasks: bool = True,
) -> BatchRun:
    """Run what is left of a batch run, or go on with one whose process is gone.

    Args:
        context: of the run.
        batch_id: a run that is kept in the store.
        lander: lands each batch; None leaves landing for later, and ends after the first batch with results.
        prepare: changes the run before it goes on; written only when nothing refuses it any more.
        starts_tasks: False lands what waits, and ends before the first batch with tasks that have not ended.

    Returns:
        The run as it stands; it can be gone on with unless it has ended.

    Raises:
        AlreadyRunning: in another process.
        UserError: a secret cannot be read, or what is to land has tasks that have not ended; the run stays as it was.
        UnknownBatch, StoreError, GitError
    """
    with context.store.held(batch_id), closing(OwnRefs(context.repository, batch_id)) as refs:
        run = context.store.read(batch_id)
        prepared = prepare(run)
        if starts_tasks:
            _read_secrets(context, prepared)
        else:
            _require_ended(prepared)
        context.store.forget_requests(batch_id)
        keeper = Keeper(context.store, run, context.checkpoint)
        if prepared is not run:
            keeper.change(lambda _: prepared)
        recover(context, keeper, refs)
        return _Batches(context, keeper, refs, lander).run_all(starts_tasks=starts_tasks)


def _read_secrets(context: BatchContext, run: BatchRun) -> None:
    """Have the secrets of tasks that are to run; and of those that have ended, where they can be had: others may know them.

    Raises:
        SecretUnavailable
    """
    waiting = [task for task in tasks_of(run) if run.tasks[task.id].status not in ENDED]
    context.secrets.read(waiting)
    for task in tasks_of(run) if waiting else ():
        with suppress(SecretUnavailable):
            context.secrets.read([task])


class _Batches:
    def __init__(self, context: BatchContext, keeper: Keeper, refs: OwnRefs, lander: Lander | None) -> None:
        self._context = context
        self._keeper = keeper
        self._refs = refs
        self._tasks = {task.id: task for task in tasks_of(keeper.run)}
        self._control = Control(context, keeper.run.id)
        self._reports = BatchReports(context, keeper)
        self._crew = TaskCrew(context, keeper, refs, self._tasks, self._control, report=self._reports.progress)
        self._judge = BatchJudge(
            keeper,
            self._tasks,
            self._control,
            self._reports.lander(lander) if lander is not None else None,
            now=context.surroundings.now,
        )

    def run_all(self, *, starts_tasks: bool = True) -> BatchRun:
        """Run one batch after the other, or only land what waits."""
        now = self._context.surroundings.now
        run = self._keeper.run
        if run.status.is_final:
            return run
        self._keeper.change(
            lambda run: replace(
                run, status=Status.RUNNING, started_at=run.started_at or now(), finished_at=None, owner=this_owner()
            )
        )
        self._reports.run_started()
        for number in range(len(self._keeper.run.batches)):
            if self._keeper.run.batches[number].status in _DECIDED:
                continue
            if not starts_tasks and _not_ended(self._keeper.run, number):
                if not is_after_failure(self._keeper.run, number):
                    return self._end(Status.PENDING)
                self._do_not_run(number)
            elif self._has_tasks_to_run(number):
                ended = self._run_batch(number)
                if not self._keeper.run.batches[number].status.is_final:
                    return self._end(ended)
        is_whole = all(one.status is Status.COMPLETED for one in self._keeper.run.batches)
        return self._end(Status.COMPLETED if is_whole else Status.FAILED)

    def _end(self, status: Status) -> BatchRun:
        """Write down how the whole stands."""
        now = self._context.surroundings.now()
        whole = Status.STOPPED if status is Status.PENDING and self._control.is_stopping else status
        finished = now if status.is_final or status is Status.CANCELLED else None

        def ended(run: BatchRun) -> BatchRun:
            run = replace(run, status=whole, finished_at=finished)
            return run if run.current_batch is None else run.with_batch(run.current_batch, status=status)

        run = self._keeper.change(ended)
        self._context.store.ask(run.id, Request.NONE)
        self._reports.run_completed()
        return run

    def _run_batch(self, number: int) -> Status:
        """Run a batch's tasks, then land their results; how it stands."""
        plan = self._keeper.run.plan.batches[number]
        base = self._begin(number)
        self._mark_idle(number)
        self._reports.batch_started(number)
        before = RepositoryMark.of(self._context.repository)
        is_parallel = self._keeper.run.mode is ExecutionMode.PARALLEL and plan.can_parallel
        infrastructure = self._crew.run_tasks(
            number, base, self._context.settings.max_concurrency if is_parallel else 1
        )
        if infrastructure and is_parallel and not self._control.is_stopping:
            self._fall_back(infrastructure)
            self._crew.run_tasks(number, base, 1)
        self._report_changes(number, before)
        status, landed = self._judge.judge(number)
        if landed is not None:
            self._judge.write(number, status, landed)
        self._reports.batch_completed(number, status, landed)
        return status

    def _report_changes(self, number: int, before: RepositoryMark) -> None:
        """Say what others changed in the repository while tasks ran: it may have been one of them."""
        known = self._keeper.run.batches[number].changed_meanwhile
        changed = before.changed_until(RepositoryMark.of(self._context.repository))
        changed = tuple(dict.fromkeys((*known, *changed)))[:_MOST_CHANGES]
        if changed != known:
            self._keeper.change(lambda run: run.with_batch(number, changed_meanwhile=changed))
            self._context.notify("repository_changed", batch_id=number, changed=list(changed))

    def _begin(self, number: int) -> Oid:
        """Start a batch: where the target stands now is what its tasks start from, and is pinned."""
        run = self._keeper.run
        known = run.batches[number].base
        start_of = self._context.start_of or (lambda target: commit_of(self._context.repository, ref_of(target)))
        tip = known or start_of(run.target)
        self._refs.put(f"{BATCH_PREFIX}{run.id}/@base-{number}", tip)
        if run.batches[number].status is not Status.RUNNING:
            started = run.batches[number].started_at or self._context.surroundings.now()
            self._keeper.change(
                lambda run: run.with_batch(number, status=Status.RUNNING, base=tip, started_at=started, reason="")
            )
        return tip

    def _has_tasks_to_run(self, number: int) -> bool:
        """Whether anything of a batch runs; after a batch that failed that is only what waited for it by soft dependencies."""
        idle = idle_tasks(self._keeper.run, self._tasks, number)
        if is_after_failure(self._keeper.run, number) and idle.keys() >= set(
            self._keeper.run.plan.batches[number].task_ids
        ):
            self._do_not_run(number)
            return False
        return True

    def _do_not_run(self, number: int) -> None:
        """Report a batch after one that failed as not run, with those of its tasks that have not ended."""

        def not_run(run: BatchRun) -> BatchRun:
            run = run.with_batch(number, status=Status.NOT_RUN)
            for task_id, one in runs_of(run, number).items():
                if one.status not in ENDED:
                    run = run.with_task(task_id, status=Status.NOT_RUN)
            return run

        self._keeper.change(not_run)

    def _mark_idle(self, number: int) -> None:
        """Mark the tasks of a batch that do not run though others of it do."""
        for task_id, idle in idle_tasks(self._keeper.run, self._tasks, number).items():
            if self._keeper.run.tasks[task_id].status is Status.PENDING:
                self._keeper.change(
                    lambda run, task_id=task_id, idle=idle: run.with_task(  # type: ignore[misc]
                        task_id, status=idle.status, reason=idle.reason
                    )
                )

    def _fall_back(self, task_ids: Sequence[TaskId]) -> None:
        """Run what the machine could not run side by side one after the other."""
        reasons = {self._keeper.run.tasks[task_id].reason for task_id in task_ids}
        why = f"fell back from parallel: {'; '.join(sorted(reasons))}"

        def fallen(run: BatchRun) -> BatchRun:
            for task_id in task_ids:
                run = run.with_task(task_id, status=Status.PENDING)
            return replace(run, mode=ExecutionMode.SEQUENTIAL, mode_reason=why)

        self._keeper.change(fallen)
        self._context.notify("fell_back", execution_mode=ExecutionMode.SEQUENTIAL.value, reason=why)


def _not_ended(run: BatchRun, number: int) -> list[TaskId]:
    """Tasks of a batch that would run, or run again, were the run to go on; a branch only has to be read."""
    branches = {task.id for task in tasks_of(run) if task.branch is not None}
    runs = runs_of(run, number).items()
    return [one for one, task in runs if one not in branches and task.status in UNDONE | {Status.CANCELLED}]


def _require_ended(run: BatchRun) -> None:
    """Refuse a landing that would have to start tasks.

    Raises:
        UserError
    """
    if run.status.is_final:
        return
    number = next((number for number, one in enumerate(run.batches) if not one.status.is_final), None)
    if number is not None and (waiting := _not_ended(run, number)):
        named = ", ".join(waiting[:_MOST_NAMED]) + (", …" if len(waiting) > _MOST_NAMED else "")
        raise UserError(
            f"batch {number} cannot land yet: {len(waiting)} of {len(runs_of(run, number))} tasks have not ended: {named}",
            hint=f"git align batch resume {run.id}   runs them, then lands",
            code="batch_not_finished",
        )
