"""The tour: a sample repository, a plan, a run, and what to try next."""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import counted, many
from gitalign.core.names import display
from gitalign.core.outcome import Conflicted
from gitalign.core.report import SUCCESSES, Verdict
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.cli.demo.repository import DemoPlaces
    from gitalign.core.plan import Plan
    from gitalign.core.report import BranchReport, Report

_MOST_ROWS = 12
"""Branches named for each target: the tour fits on one screen and a half."""
_TRY_NEXT = (
    ("git align", "where things stand"),
    ("git align conflicts", "one conflict stops four branches: why"),
    ("git align show last tax/rounded", "one of them in full"),
    ("git align forecast --pairs", "which branches conflict with each other"),
    ("git align plan --remote", "branches that only the remote has"),
    ("git align prune --merged --dry-run", "merged branches, which can be deleted"),
    ("git align push", "publish what was aligned; asks first"),
    ("git align undo last --push", "take it back, on the remote, too"),
)


def tour(options: Options, *, directory: Path | None, branches: int) -> int:
    """Build, plan, run and explain.

    Args:
        directory: must be empty or not exist; a new temporary folder when None.
        branches: about how many branches to make.

    Raises:
        UserError: the folder holds something already.
    """
    from gitalign import facade
    from gitalign.cli.demo.repository import build
    from gitalign.cli.rendering.progress import watching
    from gitalign.core.plan import Permit
    from gitalign.documents import reports
    from gitalign.engine.runtime.signals import StopSignal, handling_signals

    folder = directory if directory is not None else Path(tempfile.mkdtemp(prefix="git-align-demo-"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"{folder} is not empty; the demo builds in a folder of its own",
            hint="name a new folder: git-align demo --dir FOLDER",
        )
    out = console(stderr=options.json)
    out.quiet = options.quiet
    places = build(folder, branches=branches)
    _introduce(out, places)
    request = facade.Request(repo=places.clone)
    plan = facade.plan(request)
    _show_plan(out, plan)
    stop = StopSignal()
    with handling_signals(stop), watching(options, plan) as listeners:
        report = facade.run(
            request, plan=plan, permit=Permit(plan_id=plan.id, given_by="demo"), listeners=listeners, stop=stop
        )
    _show_report(out, report)
    if options.json:
        emit_json("demo", {"folder": str(places.folder), "directory": str(places.clone), **reports.dump_report(report)})
    _say_what_next(out, places)
    # Conflicts are part of the sample: the tour is done when the run is.
    return 130 if report.exit_code() == 130 else 0


def _introduce(out: Console, places: DemoPlaces) -> None:
    _line(out, f"A sample shop: {places.here} branches here, {places.elsewhere} more on its remote.", "bold")
    _line(out, "All of it is in one folder; remove the folder to remove the demo:")
    # Never cut short: it is there to be copied.
    out.print(Text(f"  rm -rf {shlex.quote(str(places.folder))}"), soft_wrap=True)


def _show_plan(out: Console, plan: Plan) -> None:
    _line(out, "")
    _line(out, "git align plan: which branch goes where", "bold")
    for target in plan.targets:
        kinds = Counter(step.kind for step in plan.steps if step.target == target)
        words = ", ".join(counted(kind, number) for kind, number in kinds.most_common())
        _line(out, f"  {display(target.name):<20} {words or 'no branches'}")
    targets = {str(target.name) for target in plan.targets}
    for one in [one for one in plan.excluded if one.branch not in targets][:_MOST_ROWS]:
        _line(out, f"  left: {display(one.branch)}: {display(one.reason)}", "dim")


def _show_report(out: Console, report: Report) -> None:
    _line(out, "")
    _line(out, "git align run: in memory, then all at once", "bold")
    for target, branches in report.by_target().items():
        counts = Counter(branch.verdict.value.replace("_", " ") for branch in branches)
        tally = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        _line(out, f"  {display(target)}: {tally or 'no branches'}")
        telling = [branch for branch in branches if branch.verdict not in SUCCESSES]
        _show_branches(out, telling)
    moved = sum(one.verdict is Verdict.ALIGNED for one in report.branches())
    _line(out, f"{many(moved, 'branch', 'branches')} aligned in {report.total_s:.1f} s; no work tree was touched.")


def _show_branches(out: Console, branches: Sequence[BranchReport]) -> None:
    for branch in branches[:_MOST_ROWS]:
        name = Text(display(branch.step.branch.name))
        name.truncate(22, overflow="ellipsis", pad=True)
        _line(out, f"    {name.plain} {branch.verdict.value:<11} {display(_why(branch))}", "yellow")
    if len(branches) > _MOST_ROWS:
        _line(out, f"    and {len(branches) - _MOST_ROWS} more", "dim")


def _why(branch: BranchReport) -> str:
    outcome = branch.result.outcome
    if not isinstance(outcome, Conflicted):
        return branch.detail
    return f"commit {outcome.position} of {outcome.total}: {', '.join(outcome.paths[:3])}"


def _say_what_next(out: Console, places: DemoPlaces) -> None:
    _line(out, "")
    _line(out, "Try next, in this order:", "bold")
    out.print(Text(f"  cd {shlex.quote(str(places.clone))}"), soft_wrap=True)
    for command, why in _TRY_NEXT:
        _line(out, f"  {command:<36} {why}")


def _line(out: Console, words: str, style: str = "") -> None:
    """One line, cut at the width of the terminal."""
    line = Text(words, style=style)
    line.truncate(out.width, overflow="ellipsis")
    out.print(line, no_wrap=True)
