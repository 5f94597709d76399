"""Which command is worth typing next, from what is known without a merge. Never one that would do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.outcome import Conflicted
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.core.unpushed import waits_for_push
from gitalign.core.working_set import has_no_work
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import OpenRepository, journal_of
from gitalign.errors import UserError
from gitalign.git.branch_log import was_only_created
from gitalign.git.repository import Repository


def next_command(
    opened: OpenRepository,
    plan: Plan,
    *,
    history: Sequence[RunRecord],
    elsewhere: Sequence[tuple[str, int]],
    fault: UserError | None,
    merged: int,
) -> str:
    """The command line; empty when nothing is left to do.

    Args:
        opened: the repository.
        plan: of everything.
        history: every run, newest first.
        elsewhere: how many branches exist only on each remote.
        fault: what a plan would be refused for.
        merged: how many branches `prune --merged` would delete.
    """
    if unfinished_of(history):
        return "git align resume"
    if elsewhere and has_no_work(plan):
        return "git align plan --remote" + ("" if elsewhere[0][0] == "origin" else f" {elsewhere[0][0]}")
    if fault is not None:
        return fault.hint
    work = [one for one in plan.steps if one.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and not one.refusal]
    if not history:
        return "git align plan" if plan.steps else ""
    to_delete = "git align prune --merged" if merged else ""
    report = _last_alignment(opened, history)
    if report is not None and (not work or _all_conflicted(report, work)):
        if waits_for_push(report, plan.snapshot.tips):
            return "git align push"
        return "git align conflicts" if work else to_delete
    return "git align run" if work else to_delete


def unfinished_of(history: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Runs that `resume` is for."""
    states = (RunState.INTEGRATING, RunState.PUBLISHING, RunState.INTERRUPTED)
    return tuple(record for record in history if record.state in states)


def merged_count(repository: Repository, plan: Plan) -> int:
    """How many branches are merged and in nobody's use, as far as that is known without a merge."""
    merged = [step for step in plan.steps if step.kind is StepKind.LEAVE and step.checkout is None]
    return sum(step.of_remote is not None or not was_only_created(repository, step.ref) for step in merged)


def _last_alignment(opened: OpenRepository, history: Sequence[RunRecord]) -> Report | None:
    last = next((one for one in history if one.kind is RunKind.ALIGN), None)
    if last is None:
        return None
    with journal_of(opened) as journal:
        return stored_report(opened.repository, journal, last.id)


def _all_conflicted(report: Report, work: Sequence[Step]) -> bool:
    """True when the run tried exactly this, and every one of them conflicted: another run would change nothing."""
    tried = {
        (one.step.branch.name, one.step.seen, one.step.onto)
        for one in report.branches()
        if isinstance(one.result.outcome, Conflicted)
    }
    return all((step.branch.name, step.seen, step.onto) in tried for step in work)
