"""Batches: a plan of tasks, its runs, and what can be asked of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import to_dict
from gitalign.batches.planning.task_list_format import document_of
from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.batches.running.context import BatchContext, BatchListener, BatchSettings
from gitalign.batches.running.file_store import FileBatchStore
from gitalign.batches.running.pool import TreePool, default_root
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import ENDED, BatchRun, Status, new_batch_run
from gitalign.batches.running.state import Request as Asked
from gitalign.core.names import display, ref_of
from gitalign.core.plan import Permit
from gitalign.core.validation import Bounds, ValidationPlan
from gitalign.documents.reading import plain
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import OpenRepository, Request, new_run_id, open_for
from gitalign.engine.runtime.space import require_space
from gitalign.errors import NotPermitted, UserError
from gitalign.git.identity import operator_ident
from gitalign.git.refs import read_refs, read_upstreams
from gitalign.validate.commands import readable
from gitalign.validate.confine import confinement_for

_BOUNDS = Bounds(memory_bytes=8 * 1024**3, disk_bytes=10 * 1024**3, processes=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch run is carried out.

    Attributes:
        max_concurrency: tasks side by side.
        confinement: `require`, `prefer` or `none`.
        network: tasks may use it.
        readable: files and folders that confined tasks may read beside system and tools.
        lands: land each batch; False leaves that for `land_batches`.
        squash: one plain commit for each result, in place of a merge.
        snapshot_every_s: between two snapshots of a running task's tree.
        trees: where work trees are made; None for the user's state folder.
        again: run a plan that has been run to its end before.
    """

    max_concurrency: int = 3
    confinement: str = "prefer"
    network: bool = True
    readable: tuple[str, ...] = ()
    lands: bool = True
    squash: bool = False
    snapshot_every_s: float = 60.0
    trees: Path | None = None
    again: bool = False


DEFAULT_OPTIONS = BatchOptions()
_KEPT = ("max_concurrency", "confinement", "network", "readable", "squash", "snapshot_every_s")
"""Options that hold for a run until it ends: whoever goes on with it cannot loosen what confines its tasks."""


def plan_batches(request: Request, source: PlanSource) -> BatchPlan:
    """The plan of a file. Nothing runs.

    Raises:
        TaskListError, GitError
    """
    opened = open_for(request)
    return read_plan(opened.repository, source, at=opened.now())


def plan_digest(plan: BatchPlan) -> str:
    """What a plan would do, as 64 hex digits: what a person confirms is known by it."""
    assert plan.task_list is not None
    content = {
        "tasks": document_of(plan.task_list),
        "batches": [[batch.task_ids, batch.can_parallel] for batch in plan.batches],
        "mode": to_dict(plan).get("execution_mode"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()


def confinement_words(request: Request, options: BatchOptions) -> str:
    """What keeps tasks away from what is not theirs on this machine, for the question before a run.

    Raises:
        UserError: one is required and there is none.
    """
    opened = open_for(request)
    return _settings(opened, options).confinement.words


def start_batches(
    request: Request,
    plan: BatchPlan,
    *,
    permit: Permit | None = None,
    options: BatchOptions = DEFAULT_OPTIONS,
    caller: Caller | None = None,
    listeners: Sequence[BatchListener] = (),
) -> BatchRun:
    """Run a plan. The same plan again, when it has completed, does nothing twice: its run is returned.

    Args:
        request: which repository.
        plan: with tasks, of `plan_batches`.
        permit: for exactly this plan (`plan_digest`): its commands are executed.
        options: how.
        caller: signals, and followers of landings.
        listeners: of events of batches and tasks.

    Returns:
        The run as it stands.

    Raises:
        NotPermitted: no permission for this plan.
        UserError: no target, the target is behind its upstream, or a run of this plan is not finished.
        GitError, StoreError, OutOfSpace
    """
    digest = plan_digest(plan)
    if permit is None or permit.plan_id != digest:
        raise NotPermitted(
            "this would execute the commands of the plan, and permission was not given",
            hint="look at them, then add --yes",
        )
    caller = caller or Caller()
    opened = open_for(request, caller.stop)
    target = _target(opened, plan)
    _require_current(opened, target)
    require_space(opened.repository)
    store = _store(opened)
    known = [run for run in map(store.read, store.ids()) if plan_digest(run.plan) == digest and run.target == target]
    unfinished = [run for run in known if run.status not in ENDED or run.status is Status.CANCELLED]
    if unfinished:
        raise UserError(
            f"batch run {unfinished[-1].id} of this plan is not finished",
            hint=f"git align batch resume {unfinished[-1].id}",
            code="batch_not_finished",
        )
    done = [run for run in known if run.status is Status.COMPLETED]
    if done and not options.again:
        return done[-1]
    batch_id = new_run_id(opened.now(), opened.surroundings)
    run = new_batch_run(plan, batch_id=batch_id, target=target, at=opened.now())
    run = replace(run, options={name: plain(getattr(options, name)) for name in _KEPT})
    with batch_context(opened, options, caller, listeners) as context:
        store.write(run)
        return run_batches(context, run.id, _lander(opened, options, caller))


def resume_batches(
    request: Request,
    batch_id: str,
    *,
    options: BatchOptions = DEFAULT_OPTIONS,
    caller: Caller | None = None,
    listeners: Sequence[BatchListener] = (),
) -> BatchRun:
    """Go on with a run that was stopped, cancelled, killed, or whose landing was left for later.

    How its tasks are confined, and how results land, is as it was when the run began; of `options` the rest counts.

    Raises:
        UnknownBatch, AlreadyRunning, UserError, GitError, StoreError
    """
    caller = caller or Caller()
    opened = open_for(request, caller.stop)
    run = _store(opened).read(batch_id)
    options = _as_started(run, options)
    with batch_context(opened, options, caller, listeners) as context:
        return run_batches(context, run.id, _lander(opened, options, caller))


def retry_batches(request: Request, batch_id: str, task_ids: Sequence[TaskId] = ()) -> BatchRun:
    """Make a run that failed one that can be gone on with: tasks that failed, and those named, run again.

    Results of other tasks stay. The batch starts from where the target stands then only if none of its tasks has a result.

    Raises:
        UnknownBatch, AlreadyRunning, StoreError
        UserError: a task that is not there or has landed; nothing failed.
    """
    opened = open_for(request)
    store = _store(opened)
    batch_id = store.read(batch_id).id
    with store.held(batch_id):
        run = store.read(batch_id)
        landed = {
            task_id
            for number, batch in enumerate(run.batches)
            if batch.status is Status.COMPLETED
            for task_id in run.plan.batches[number].task_ids
        }
        for task_id in task_ids:
            if task_id not in run.tasks or task_id in landed:
                why = "has landed" if task_id in landed else "is not part of it"
                raise UserError(f"task {display(task_id)} {why}", hint=f"git align batch status {batch_id}")
        stopped = {Status.FAILED, Status.CANCELLED, Status.SKIPPED, Status.NOT_RUN}
        again = [one for one, task in run.tasks.items() if one in task_ids or task.status in stopped]
        if not again and run.status is not Status.FAILED:
            raise UserError(f"nothing of batch run {batch_id} has failed", hint=f"git align batch status {batch_id}")
        for task_id in again:
            run = run.with_task(task_id, status=Status.PENDING, result=None, reason="", exit_code=None)
        for number, batch in enumerate(run.batches):
            if batch.status is not Status.COMPLETED:
                left = any(run.tasks[one].result for one in run.plan.batches[number].task_ids)
                base = batch.base if left else None
                run = run.with_batch(
                    number, status=Status.PENDING, base=base, outcome=None, reason="", landing_run="", finished_at=None
                )
        run = replace(run, status=Status.PENDING, finished_at=None)
        store.write(run)
        return run


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch run, and whether a process runs it now."""

    run: BatchRun
    is_alive: bool

    @property
    def status(self) -> str:
        """The run's status; `interrupted` where its process is gone."""
        return "interrupted" if self.run.status is Status.RUNNING and not self.is_alive else self.run.status.value


def batch_status(request: Request, batch_id: str = "last") -> BatchView:
    """One batch run, by id, unambiguous prefix or `last`.

    Raises:
        UnknownBatch, StoreError
    """
    store = _store(open_for(request))
    run = store.read(batch_id)
    return BatchView(run, store.is_alive(run.id))


def batch_list(request: Request) -> tuple[BatchView, ...]:
    """All batch runs, newest first.

    Raises:
        StoreError
    """
    store = _store(open_for(request))
    return tuple(BatchView(store.read(one), store.is_alive(one)) for one in reversed(store.ids()))


def ask_batch(request: Request, batch_id: str, asked: Asked) -> BatchView:
    """Ask the process of a batch run to pause, stop or cancel; `NONE` takes a pause back.

    Raises:
        UnknownBatch, StoreError
        UserError: no process runs it.
    """
    store = _store(open_for(request))
    run = store.read(batch_id)
    if not store.is_alive(run.id):
        raise UserError(
            f"no process runs batch run {run.id}", hint=f"git align batch resume {run.id}", code="batch_not_running"
        )
    store.ask(run.id, asked)
    return BatchView(run, True)


def batch_log(request: Request, batch_id: str, task_id: TaskId) -> str:
    """The output of a task so far, without what a terminal must not be shown.

    Raises:
        UnknownBatch, StoreError
        UserError: there is no such task.
    """
    store = _store(open_for(request))
    run = store.read(batch_id)
    if task_id not in run.tasks:
        raise UserError(f"batch run {run.id} has no task {display(task_id)}", hint=f"git align batch status {run.id}")
    try:
        return readable(store.log_path(run.id, task_id).read_bytes())
    except FileNotFoundError:
        return ""


def _as_started(run: BatchRun, options: BatchOptions) -> BatchOptions:
    """The options that a run began with, in place of those given now."""
    kept: dict[str, Any] = {name: run.options[name] for name in _KEPT if name in run.options}
    if "readable" in kept:
        kept["readable"] = tuple(kept["readable"])
    return replace(options, **kept)


def _target(opened: OpenRepository, plan: BatchPlan) -> str:
    """The branch that results land on.

    Raises:
        UserError: none is named, or it is not there.
    """
    named = plan.task_list.target if plan.task_list is not None else None
    if named is None:
        raise UserError("the plan does not say where results go", hint="add --target BRANCH", code="no_target")
    if ref_of(named) not in read_refs(opened.repository, ref_of(named)):
        raise UserError(f"there is no branch {display(named)}", hint="git branch --list", code="no_target")
    return named


def _require_current(opened: OpenRepository, target: str) -> None:
    """Refuse a target that lacks commits of its upstream: tasks would start from a stale base.

    Raises:
        UserError
    """
    repository, ref = opened.repository, ref_of(target)
    upstream = read_upstreams(repository, [ref]).get(ref)
    if upstream is None or upstream not in read_refs(repository, upstream):
        return
    count = repository.git.lines("rev-list", "--count", f"{ref}..{upstream}")[0]
    if count != "0":
        raise UserError(
            f"{display(target)} lacks {count} commits of {display(upstream.removeprefix('refs/remotes/'))}",
            hint=f"bring {display(target)} up to date first, so that no task starts from a stale base",
            code="target_behind",
        )


def _store(opened: OpenRepository) -> FileBatchStore:
    return FileBatchStore(opened.repository.state_dir / "batches")


def _settings(opened: OpenRepository, options: BatchOptions) -> BatchSettings:
    plan = ValidationPlan(
        confinement=options.confinement, network=options.network, read_only_paths=options.readable, bounds=_BOUNDS
    )
    state = default_root(opened.repository, opened.surroundings.environ).parent.parent
    return BatchSettings(
        confinement=confinement_for(plan, Path(opened.repository.common_dir), environ=opened.surroundings.environ),
        ports=state / "ports",
        max_concurrency=options.max_concurrency,
        bounds=_BOUNDS,
        snapshot_every_s=options.snapshot_every_s,
    )


@contextmanager
def batch_context(
    opened: OpenRepository, options: BatchOptions, caller: Caller, listeners: Sequence[BatchListener]
) -> Iterator[BatchContext]:
    """What a batch run works with, in this process."""
    ident = operator_ident(opened.repository, at=opened.now()).rsplit(b" ", 2)[0]
    root = options.trees or default_root(opened.repository, opened.surroundings.environ)
    yield BatchContext(
        repository=opened.repository,
        store=_store(opened),
        pool=TreePool(opened.repository, root, most=2 * options.max_concurrency),
        settings=_settings(opened, options),
        surroundings=opened.surroundings,
        stop=caller.stop,
        ident=ident.decode("utf-8", "surrogateescape"),
        listeners=listeners,
        checkpoint=caller.checkpoint,
    )


def _lander(opened: OpenRepository, options: BatchOptions, caller: Caller) -> BatchLander | None:
    return BatchLander(opened, caller, LandOptions(squash=options.squash)) if options.lands else None
