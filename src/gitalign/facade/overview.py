"""Where things stand, and what to type next."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from gitalign.core.plan import StepKind
from gitalign.core.selection import target_fault
from gitalign.core.status import Status
from gitalign.core.working_set import only_on_remotes
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import has_state, journal_of, open_for
from gitalign.facade.next_step import Past, merged_count, next_command

if TYPE_CHECKING:
    pass


def status(request: Request) -> Status:
    """Where things stand, and what to type next. Changes nothing."""
    opened = open_for(request)
    plan = make_plan(opened, replace(request, fetch=False, push=False, needs_branches=False))
    merged = merged_count(opened.repository, plan)
    elsewhere = only_on_remotes(plan.snapshot, [target.name for target in plan.targets])
    fault = target_fault(plan)
    with journal_of(opened) if has_state(opened) else nullcontext() as journal:
        past = Past(opened.repository, journal)
        command = next_command(plan, past, elsewhere=elsewhere, fault=fault, merged=merged)
        unfinished, last = past.unfinished(), past.last()
    to_align = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) for step in plan.steps)
    return Status(
        repository=opened.repository.work_tree or opened.repository.common_dir,
        targets=plan.targets,
        target_notes=plan.target_notes,
        fault=fault.message if fault is not None else "",
        to_align=to_align,
        up_to_date=len(plan.steps) - to_align,
        excluded=len(plan.excluded),
        unfinished=unfinished,
        last=last,
        only_on_remotes=elsewhere,
        next_command=command,
        merged=merged,
    )
