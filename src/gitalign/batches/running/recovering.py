"""After a process that was killed, and after faults that have passed: pinning what work trees hold, so that they are free again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.context import BatchContext, Keeper, OwnRefs
from gitalign.batches.running.pool import Slot
from gitalign.batches.running.settle import REPLACED, is_pinned, settle, without_kept
from gitalign.batches.running.state import ENDED, BatchRun, Status, TaskRun, wip_ref
from gitalign.errors import UserError
from gitalign.validate.watch import end_orphans

_INTERRUPTED = "an attempt was interrupted; what it had not committed is pinned"
_READ_LATER = "its work tree could be read later; what it held is pinned"


def tasks_of(run: BatchRun) -> Sequence[Task]:
    """The tasks of a run.

    Raises:
        UserError: it does not say how they are run.
    """
    if run.plan.task_list is None:
        raise UserError(f"batch run {run.id} does not say how its tasks are run", hint="give a task list with the plan")
    return run.plan.task_list.tasks


def recover_trees(context: BatchContext, batch_id: str) -> None:
    """Pin what the work trees of a run hold whose process is gone. Its tasks that were running can be run again.

    Raises:
        AlreadyRunning: another process runs it.
        UnknownBatch, StoreError, GitError
    """
    with context.store.held(batch_id), closing(OwnRefs(context.repository, batch_id)) as refs:
        recover(context, Keeper(context.store, context.store.read(batch_id)), refs)


def recover(context: BatchContext, keeper: Keeper, refs: OwnRefs) -> None:
    """Pin what trees of a killed process hold, and trees that were kept, and have tasks that were running run again."""
    end_orphans()
    run = keeper.run
    tasks = {task.id: task for task in tasks_of(run)}
    for view in context.pool.orphans():
        task = tasks.get(view.note.task_id)
        if view.note.batch_id != run.id or task is None:
            continue
        slot = context.pool.hold(view.number)
        if slot is not None:
            try:
                _recover_slot(context, keeper, refs, slot, task)
            finally:
                slot.release()
    for task_id in [one for one, task in run.tasks.items() if task.status in (Status.RUNNING, Status.CANCELLED)]:
        left = refs.at(wip_ref(run.id, task_id))
        notices = tuple(one for one in keeper.run.tasks[task_id].notices if one != _INTERRUPTED)
        notices += (_INTERRUPTED,) if left is not None else ()
        keeper.change(
            lambda run, task_id=task_id, left=left, notices=notices: run.with_task(  # type: ignore[misc]
                task_id, status=Status.PENDING, wip=left, notices=notices
            )
        )


def _recover_slot(context: BatchContext, keeper: Keeper, refs: OwnRefs, slot: Slot, task: Task) -> None:
    slot.tree.drop_secrets()
    known = keeper.run.tasks[task.id]
    was_kept = known.kept_in == str(slot.folder)
    base = slot.note.base_commit
    kept = slot.note.reason or (known.notices[-1] if was_kept and known.notices else "")
    is_current = known.tree == str(slot.tree.tree)  # else of an earlier attempt
    is_over = not kept and (known.status in ENDED or not is_current)
    wip_name = wip_ref(keeper.run.id, task.id)
    if base is not None and REPLACED not in kept:
        slot.tree.adopt(base)
        # The state is written after everything is pinned, and then the tree is free: its note was not written any more.
        pinned = (
            known.result,
            known.wip,
            *(refs.at(f"{wip_name}@{number}") for number in range(1, known.attempts + 1)),
        )
        if is_over and is_pinned(context, slot, [tip for tip in pinned if tip is not None]):
            base = None
    if base is not None and REPLACED not in kept:
        # A tree that was kept holds one thing that its task left: a snapshot, or a later attempt, may hold others.
        is_alone = is_current and refs.at(wip_name) is None
        aside = _free_name(known, wip_name, slot) if (kept or is_over) and not is_alone else ""
        is_read_later = bool(kept) or is_over
        settled = settle(context, refs, slot, task, succeeded=False, aside=aside)
        kept = settled.kept
        if is_read_later and not kept:
            wip = known.wip if aside else settled.wip
            kept_in = "" if was_kept else known.kept_in
            notices = (
                *without_kept(known.notices, slot),
                f"{_READ_LATER}{_as_name(wip_name, aside) if aside else ''}",
            )
            keeper.change(lambda run: run.with_task(task.id, kept_in=kept_in, wip=wip, notices=notices))
    if kept:
        slot.write(reason=kept)
    else:
        slot.write(batch_id="", task_id="", base="", reason="")


def _free_name(task: TaskRun, wip_name: str, slot: Slot) -> str:
    """How the ref ends that is for what a tree holds: its number, and another one where the tree held something before.

    A tree that stays kept has its name again each time that it is read.
    """
    names = [f"@tree-{slot.number}", *(f"@tree-{slot.number}-{count}" for count in range(1, len(task.notices) + 1))]
    taken = {name for name in names if any(one.endswith(_as_name(wip_name, name)) for one in task.notices)}
    return next(name for name in names if name not in taken)


def _as_name(wip_name: str, aside: str) -> str:
    return f" as {wip_name}{aside}"
