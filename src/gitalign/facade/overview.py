"""Where things stand, and what to type next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitalign.core.plan import StepKind
from gitalign.core.run import RunRecord
from gitalign.core.selection import target_fault
from gitalign.core.status import Status
from gitalign.core.working_set import only_on_remotes
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import open_for
from gitalign.facade.history import runs
from gitalign.facade.next_step import merged_count, next_command, unfinished_of

if TYPE_CHECKING:
    pass


def status(request: Request) -> Status:
    """Where things stand, and what to type next. Changes nothing."""
    opened = open_for(request)
    made = make_plan(opened, replace(request, fetch=False, push=False, needs_branches=False))
    history: tuple[RunRecord, ...] = runs(request)
    to_align = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) for step in made.steps)
    merged = merged_count(opened.repository, made)
    elsewhere = only_on_remotes(made.snapshot, [target.name for target in made.targets])
    fault = target_fault(made)
    return Status(
        repository=opened.repository.work_tree or opened.repository.common_dir,
        targets=made.targets,
        target_notes=made.target_notes,
        fault=fault.message if fault is not None else "",
        to_align=to_align,
        up_to_date=len(made.steps) - to_align,
        excluded=len(made.excluded),
        unfinished=unfinished_of(history),
        last=history[0] if history else None,
        only_on_remotes=elsewhere,
        next_command=next_command(opened, made, history=history, elsewhere=elsewhere, fault=fault, merged=merged),
        merged=merged,
    )
