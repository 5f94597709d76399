"""Running batches: from a plan to a landed run, and going on with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.merging.target_place import no_branch
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_digest import plan_digest
from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.reading import require_branches
from gitalign.batches.running.events import BatchListener
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import BEST_SUBSET, PUSH, PUSH_HOOKS, BatchRun, new_batch_run
from gitalign.core.names import ref_of
from gitalign.core.plan import Permit
from gitalign.documents.reading import plain
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import OpenRepository, Request, new_run_id, open_for
from gitalign.engine.runtime.space import require_space
from gitalign.errors import NotPermitted, RemoteError, UserError
from gitalign.facade.batch_context import (
    BatchOptions,
    batch_context,
    batch_settings,
    configured_options,
    target_reader,
)
from gitalign.facade.batch_following import followed
from gitalign.facade.batch_retrying import to_be_gone_on_with, to_be_landed
from gitalign.facade.earlier_batches import begun, that_stands
from gitalign.facade.opened_batches import known_batch_store
from gitalign.git.refs import read_refs

_KEPT = (
    *("max_concurrency", "confinement", "network", "readable", "squash", "snapshot_every_s"),
    *("push", "push_hooks", "best_subset", "reruns"),
)
"""Options that hold for a run until it ends: a later command that continues it cannot loosen the confinement of its tasks."""


GIVEN_BY = "given_by"
"""Among the options of a run: who permitted it, in the words of the permit."""


def confinement_words(request: Request, options: BatchOptions) -> str:
    """What keeps tasks away from what is not theirs on this machine, for the question before a run.

    Raises:
        UserError: one is required and there is none.
    """
    opened = open_for(request)
    return batch_settings(opened, options).confinement.words


def start_batches(
    request: Request,
    plan: BatchPlan,
    *,
    permit: Permit | None = None,
    options: BatchOptions | None = None,
    caller: Caller | None = None,
    listeners: Sequence[BatchListener] = (),
) -> BatchRun:
    """Run a plan. The same plan again, when it has completed, does nothing twice: its run is returned.

    A plan of branches is another one when one of them has moved since.

    Args:
        request: which repository.
        plan: with tasks, of `plan_batches`.
        permit: for exactly this plan (`plan_digest`): its commands are executed.
        options: how; None for what the settings give.
        caller: signals, and followers of landings.
        listeners: of events of batches and tasks.

    Returns:
        The run as it stands.

    Raises:
        NotPermitted: no permission for this plan.
        UserError: no target, the target is behind its upstream, a run of this plan is not finished, or a secret cannot be
            read; or it has completed, branches of it have moved since, and commands would be executed again.
        LandingUndone: this plan has completed, and its landing was undone since.
        GitError, StoreError, OutOfSpace
    """
    if permit is None or permit.plan_id != plan_digest(plan):
        raise NotPermitted(
            "this would execute the commands of the plan, and permission was not given",
            hint="look at them, then add --yes",
        )
    caller = caller or Caller()
    opened = open_for(request, caller.stop)
    options = options or configured_options(opened)
    target = _target(opened, plan)
    require_branches(opened.repository, plan.task_list.tasks if plan.task_list is not None else ())
    _require_current(opened, target, options)
    lander = _ready_lander(opened, options, caller, target)
    require_space(opened.repository)
    run = _new_run(opened, plan, target, {**_kept(options), GIVEN_BY: permit.given_by})
    with batch_context(opened, options, caller) as context:
        earlier = begun(opened, context, run, again=options.again)
        if earlier is not None:
            return earlier
        with followed(opened, context, run.id, listeners) as context:
            return run_batches(context, run.id, lander)


def _new_run(opened: OpenRepository, plan: BatchPlan, target: str, options: dict[str, Any]) -> BatchRun:
    batch_id = new_run_id(opened.now(), opened.surroundings)
    return replace(new_batch_run(plan, batch_id=batch_id, target=target, at=opened.now()), options=options)


def _kept(options: BatchOptions) -> dict[str, Any]:
    return {name: plain(getattr(options, name)) for name in _KEPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOn:
    """In what way a run goes on.

    Attributes:
        retry: what failed runs again.
        task_ids: with `retry`, tasks that run again besides.
        only_land: results that wait, or did not land, are landed; no task runs.
    """

    retry: bool = False
    task_ids: tuple[TaskId, ...] = ()
    only_land: bool = False

    @property
    def starts_tasks(self) -> bool:
        """Whether tasks may run."""
        return not self.only_land

    def prepare(self, run: BatchRun) -> BatchRun:
        """The run as it is before it goes on.

        Raises:
            UserError: nothing of it can be run again.
        """
        if self.retry:
            return to_be_gone_on_with(run, self.task_ids)
        return to_be_landed(run) if self.only_land else run


def resume_batches(
    request: Request,
    batch_id: str,
    *,
    options: BatchOptions | None = None,
    caller: Caller | None = None,
    listeners: Sequence[BatchListener] = (),
    going_on: GoingOn | None = None,
) -> BatchRun:
    """Go on with a run that was stopped, cancelled, killed, or whose landing was left for later.

    How its tasks are confined, and how results land, is as it was when the run began; of `options` the rest counts. A push and
    the search for the largest set can be asked for now as well. What refuses it leaves the run as it was.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        options: see above.
        caller: signals, and followers of landings.
        listeners: of events of batches and tasks.
        going_on: after a failure, or only to land; None to go on with what was not begun.

    Raises:
        LandingUndone: there is nothing to go on with, and a landing was undone since.
        UnknownBatch, AlreadyRunning, UserError, GitError, StoreError
    """
    caller = caller or Caller()
    opened = open_for(request, caller.stop)
    options = options or configured_options(opened)
    going_on = going_on or GoingOn()
    more = {name: True for name in (BEST_SUBSET, PUSH, PUSH_HOOKS) if getattr(options, name)}

    def prepared(run: BatchRun) -> BatchRun:
        changed = going_on.prepare(run)
        return changed if more.items() <= run.options.items() else replace(changed, options={**run.options, **more})

    with known_batch_store(opened, batch_id) as store:
        run = prepared(store.read(batch_id))
    options = _as_started(run, options)
    with batch_context(opened, options, caller) as context, followed(opened, context, run.id, listeners) as context:
        lander = _lander(opened, options, caller)
        ended = run_batches(context, run.id, lander, prepare=prepared, starts_tasks=going_on.starts_tasks)
        return that_stands(context, ended, again=f"git align batch status {run.id} shows what has landed")


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
        raise no_branch(opened.repository, named)
    return named


def _require_current(opened: OpenRepository, target: str, options: BatchOptions) -> None:
    """Ask the target's remote what it has, and refuse a target that nothing can land on.

    Raises:
        UserError: it and the remote's have both gone on; it is to be pushed, and cannot be.
        RemoteError: the remote cannot be reached.
    """
    reader = target_reader(opened)
    if options.push and not options.fetch:
        raise UserError(
            "a push asks the remote, so --no-fetch cannot be combined with --push", hint="leave out one of them"
        )
    try:
        if options.push:
            reader.pushed(target, ours={}, with_hooks=options.push_hooks)
        else:
            reader.fetched(target, fetches=options.fetch)
    except RemoteError as error:
        if options.push:
            raise
        hint = f"{error.hint}; or start from what is known of it: --no-fetch" if error.hint else "add --no-fetch"
        raise RemoteError(error.message, hint=hint, code=error.code) from error


def _ready_lander(opened: OpenRepository, options: BatchOptions, caller: Caller, target: str) -> BatchLander | None:
    lander = _lander(opened, options, caller)
    if lander is not None:
        lander.require_ready(target)
    return lander


def _lander(opened: OpenRepository, options: BatchOptions, caller: Caller) -> BatchLander | None:
    return (
        BatchLander(opened, caller, LandOptions(squash=options.squash, reruns=options.reruns))
        if options.lands
        else None
    )
