"""Where things stand, and what to type next."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from gitalign.core.plan import StepKind
from gitalign.core.status import Status
from gitalign.engine.run.session import OpenRepository, has_state, journal_of, look_for, open_for
from gitalign.engine.run.session import Request as Request

if TYPE_CHECKING:
    from gitalign.engine.runtime.signals import StopSignal


def status(request: Request, *, stop: StopSignal | None = None) -> Status:
    """Where things stand, and what to type next. Changes nothing but what is kept of the answer.

    Args:
        request: which repository.
        stop: ends it when it is cancelled.
    """
    asked = replace(request, fetch=False, push=False, needs_branches=False)
    look = look_for(asked, stop)
    if not look.journal.exists:
        return _found_out(open_for(asked, stop), asked)
    from gitalign.engine.run.known_status import KnownStatus

    known = KnownStatus(look, asked)
    if (kept := known.read()) is not None:
        return kept
    opened = open_for(asked, stop)
    found = _found_out(opened, asked)
    if opened.given == look.given:
        known.keep(found)
    return found


def _found_out(opened: OpenRepository, request: Request) -> Status:
    """Where things stand, from history and journal."""
    # Where the status is known, none of this is needed, and it takes longer to import than the status takes to read.
    from gitalign.core.selection import target_fault
    from gitalign.core.working_set import only_on_remotes
    from gitalign.engine.run.planning import make_plan
    from gitalign.facade.next_step import Past, merged_count, next_command

    plan = make_plan(opened, request)
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
