"""The verb `show`: the result of a run, or of one of its branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.advice import Typed
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.rendering.branch import show_branch
from gitalign.cli.rendering.console import console, emit_json, emit_report
from gitalign.cli.rendering.report import show_report
from gitalign.cli.verb import verb
from gitalign.core.report import Verdict
from gitalign.core.run import RunKind
from gitalign.documents.reports import dump_branch_report
from gitalign.engine.runtime.signals import StopSignal, handling_signals
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.core.report import BranchReport, Report
    from gitalign.facade import Request

Run = Annotated[str, argument(help="Run id, the beginning of one, or last.", metavar="[RUN]")]
Branch = Annotated[str | None, argument(help="Show this branch in full.", metavar="[BRANCH]")]


@verb(paged=True)
def show(options: Options, run_id: Run = "last", branch: Branch = None) -> int:
    """Show the result of a run, or one of its branches in full."""
    request = options.request()
    if branch is None:
        report = facade.show(request, run_id, furthest=facade.AlignablePointSource.MEMORY)
        if options.json:
            emit_report(report)
        else:
            show_report(console(), report, everything=options.verbose, typed=Typed.of(request))
            _name_the_last_with_work(request, run_id, report)
        return 0
    stop = StopSignal()
    with handling_signals(stop):
        report = facade.show(request, run_id, furthest=facade.AlignablePointSource.GIT, branches=(branch,), stop=stop)
    found = _branch_of(report, branch)
    if options.json:
        emit_json("branch-report", dump_branch_report(found))
    else:
        show_branch(console(), report, found)
    return 0


def _name_the_last_with_work(request: Request, run_id: str, report: Report) -> None:
    """A last run that had nothing to do does not hide the one before that had."""
    if run_id != "last" or _has_work(report):
        return
    before = next((run for run in facade.runs(request) if run.id != report.run.id and run.moved), None)
    if before is not None:
        command = Typed.of(request).command("show", before.id)
        advice.show(console(), [advice.Advice(command, "the last run that moved branches")])


def _has_work(report: Report) -> bool:
    """True when a run had something to do: a branch that is not as it was, or not as it should be."""
    return report.run.kind is not RunKind.ALIGN or any(
        branch.verdict is not Verdict.UNCHANGED for branch in report.branches()
    )


def _branch_of(report: Report, branch: str) -> BranchReport:
    """What the run says of a branch.

    Raises:
        UserError: nothing, with the reason where there is one.
    """
    found = next((one for one in report.branches() if one.step.branch.name == branch), None)
    if found is not None:
        return found
    left_out = next((one.reason for one in report.plan.excluded if one.branch == branch), None)
    raise UserError(
        f"{branch} was left out of run {report.run.id}: {left_out}"
        if left_out
        else f"run {report.run.id} has no branch {branch!r}",
        hint=f"git align show {report.run.id} -v",
    )
