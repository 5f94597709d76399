"""Which command is worth typing next, from what is known without a merge. Never one that would do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.core.working_set import has_no_work
from gitalign.errors import UserError
from gitalign.git.branch_log import was_only_created
from gitalign.git.repository import Repository

if TYPE_CHECKING:
    from gitalign.core.publication import Publication
    from gitalign.core.report import Report
    from gitalign.ports import Journal


@dataclass(frozen=True, slots=True)
class Past:
    """What was run in a repository.

    Attributes:
        repository: where.
        journal: None where nothing was ever run.
    """

    repository: Repository
    journal: Journal | None

    def last(self) -> RunRecord | None:
        """The newest run."""
        return next(iter(self.journal.runs(limit=1)), None) if self.journal is not None else None

    def unfinished(self) -> tuple[RunRecord, ...]:
        """Runs that `resume` is for."""
        return self.journal.runs_in((*UNFINISHED, RunState.INTERRUPTED)) if self.journal is not None else ()

    def waiting(self) -> tuple[Publication, ...]:
        """Pushes of earlier runs that failed or were held back, and that still wait."""
        if self.journal is None:
            return ()
        from gitalign.engine.publishing.waiting import waiting_pushes

        return waiting_pushes(self.repository, self.journal)

    def last_alignment(self) -> Report | None:
        """The report of the newest run that aligned branches."""
        last = self.journal.newest(RunKind.ALIGN) if self.journal is not None else None
        if last is None or self.journal is None:
            return None
        from gitalign.engine.run.reports import stored_report

        return stored_report(self.repository, self.journal, last.id)


def next_command(
    plan: Plan,
    past: Past,
    *,
    elsewhere: Sequence[tuple[str, int]],
    fault: UserError | None,
    merged: int,
) -> str:
    """The command line; empty when nothing is left to do.

    Args:
        plan: of everything.
        past: what was run.
        elsewhere: how many branches exist only on each remote.
        fault: what a plan would be refused for.
        merged: how many branches `prune --merged` would delete.
    """
    if past.unfinished():
        return "git align resume"
    if elsewhere and has_no_work(plan):
        return "git align plan --remote" + ("" if elsewhere[0][0] == "origin" else f" {elsewhere[0][0]}")
    if fault is not None:
        return fault.hint
    work = [one for one in plan.steps if one.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and not one.refusal]
    if past.last() is None:
        return "git align plan" if plan.steps else ""
    to_delete = "git align prune --merged" if merged else ""
    report = past.last_alignment()
    if report is not None and (not work or _all_conflicted(report, work)):
        from gitalign.core.attention import push_waiting
        from gitalign.core.unpushed import waits_for_push

        if waiting := past.waiting():
            return " ".join(("git align", *push_waiting(waiting)))
        if waits_for_push(report, plan.snapshot.tips):
            return "git align push"
        return "git align conflicts" if work else to_delete
    return "git align run" if work else to_delete


def merged_count(repository: Repository, plan: Plan) -> int:
    """How many branches are merged and not in use, as far as that is known without a merge."""
    merged = [step for step in plan.steps if step.kind is StepKind.LEAVE and step.checkout is None]
    return sum(step.of_remote is not None or not was_only_created(repository, step.ref) for step in merged)


def _all_conflicted(report: Report, work: Sequence[Step]) -> bool:
    """True when the run tried exactly this, and every one of them conflicted: another run would change nothing."""
    from gitalign.core.outcome import Conflicted

    tried = {
        (one.step.branch.name, one.step.seen, one.step.onto)
        for one in report.branches()
        if isinstance(one.result.outcome, Conflicted)
    }
    return all((step.branch.name, step.seen, step.onto) in tried for step in work)
