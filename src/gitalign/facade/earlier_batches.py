"""Earlier runs of the plan that is to be run: nothing of it is executed twice, unless that is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.batches.planning.plan_digest import request_digest
from gitalign.batches.reading import moved_branches
from gitalign.batches.running.batch_store import OPEN
from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.state import BatchRun, Status
from gitalign.core.batch_records import BatchRunRecord
from gitalign.core.names import display
from gitalign.core.steps import counted
from gitalign.engine.run.session import OpenRepository
from gitalign.errors import LandingUndone, UserError
from gitalign.facade.batch_watching import undone_batches


def begun(opened: OpenRepository, context: BatchContext, run: BatchRun, *, again: bool) -> BatchRun | None:
    """Write a new run, with its secrets read; nothing is written where a run of its plan has completed, which is returned.

    Reading secrets can take as long as a person does. What completes meanwhile counts as well.

    Args:
        opened, context: of the repository.
        run: the new run.
        again: write it, whatever earlier runs of the plan did.

    Raises:
        LandingUndone
        UserError: a run of the plan is not finished, or part of it has landed; a secret cannot be read; or see `_completed`.
    """
    has_secrets = False
    seen: set[str] | None = None
    while True:
        if not again:
            runs = context.store.of_plan(request_digest(run.plan), run.target)
            seen = {one.id for one in runs}
            earlier = _completed(opened, context, runs)
            if earlier is not None:
                return earlier
            _require_nothing_landed(opened, context, runs)
        if not has_secrets:
            assert run.plan.task_list is not None
            context.secrets.read(run.plan.task_list.tasks)  # before anything is written or run
            has_secrets = True
        other = context.store.begin(run, seen=seen)
        if other is None:
            return None
        if context.store.record(other).status in OPEN:
            raise UserError(
                f"batch run {other} of this plan is not finished",
                hint=f"git align batch resume {other}",
                code="batch_not_finished",
            )


def _completed(opened: OpenRepository, context: BatchContext, runs: Sequence[BatchRunRecord]) -> BatchRun | None:
    """The newest of the runs of a plan that has completed; None where branches of it have moved since: there is more to land.

    Raises:
        LandingUndone
        UserError: branches have moved, and commands would be executed again.
    """
    done = [one for one in runs if one.status == Status.COMPLETED.value]
    if not done:
        return None
    earlier = that_stands(context, context.store.read(done[-1].id), again="--again runs its tasks again")
    moved = moved_branches(opened.repository, earlier)
    assert earlier.plan.task_list is not None
    if moved and any(task.argv is not None for task in earlier.plan.task_list.tasks):
        raise UserError(
            f"batch run {earlier.id} of this plan has completed, and {', '.join(map(display, moved))} moved since",
            hint="--again runs all of it again, commands as well; or plan the branches in a file of their own",
            code="branches_moved",
        )
    return None if moved else earlier


def _require_nothing_landed(opened: OpenRepository, context: BatchContext, runs: Sequence[BatchRunRecord]) -> None:
    """Refuse to run a plan whose newest run failed after a part of it had landed: its commands would be executed again.

    Raises:
        UserError
    """
    if not runs or runs[-1].status != Status.FAILED.value:
        return
    run = context.store.read(runs[-1].id)
    assert run.plan.task_list is not None
    executed = {task.id for task in run.plan.task_list.tasks if task.argv is not None}
    undone = undone_batches(opened.repository, context.store.journal, run)
    landed = [
        number
        for number, batch in enumerate(run.batches)
        if batch.outcome is not None and batch.outcome.landed is not None and number not in undone
        if executed.intersection(run.plan.batches[number].task_ids)
    ]
    if landed:
        raise UserError(
            f"batch run {run.id} of this plan has failed, and results of {len(landed)} of its {len(run.batches)} batches landed",
            hint=f"git align batch retry {run.id} runs the rest; --again runs all of it again",
            code="batch_partly_landed",
        )


def that_stands(context: BatchContext, run: BatchRun, *, again: str) -> BatchRun:
    """A run that has ended, if nothing of it was undone since.

    Raises:
        LandingUndone
    """
    undone = undone_batches(context.repository, context.store.journal, run) if run.status.is_final else {}
    if not undone:
        return run
    landed, runs = counted(len(undone), "landing"), ", ".join(dict.fromkeys(undone.values()))
    raise LandingUndone(
        f"batch run {run.id} has ended, and {landed} of it on {display(run.target)} was undone since, by {runs}",
        hint=f"git align batch land {run.id} lands the results again; {again}",
    )
