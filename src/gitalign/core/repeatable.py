"""Whether a run that has ended would come to the same again, were nothing changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gitalign.core.outcome import Aligned, Failed, Refused
from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import BranchReport, Report, Verdict
from gitalign.core.run import RunKind, RunState
from gitalign.core.snapshot import Tip
from gitalign.core.validation import ValidationStatus

_ENDED = ("ok", "attention")
_OF_THE_COMMITS = frozenset({"unrelated_history", "missing_object"})
"""Codes of refusals and failures that depend on nothing but the commits, and on which of their objects are there."""


def is_repeatable(report: Report) -> bool:
    """True when a run over the refs that this one left would move nothing and end with the same exit code.

    Only what is known to depend on commits and settings alone counts. A branch that did not align beside one of its stack
    that moved does not: its place in the stack is another one now.
    """
    run, plan = report.run, report.plan
    is_over = run.kind is RunKind.ALIGN and run.state is RunState.FINISHED and run.outcome in _ENDED
    if not is_over or report.breaker_tripped or not plan.steps or not _is_of_this_repository(plan):
        return False
    if report.waiting or any(one.is_held_back or one.is_wrong for one in plan.excluded):
        return False
    branches = report.branches()
    moved = {one.step.stack for one in branches if one.verdict is Verdict.ALIGNED}
    return all(
        _is_plain(one)
        and (_is_moved(one) or one.verdict is Verdict.UNCHANGED or (_stays(one) and one.step.stack not in moved))
        for one in branches
    )


def _is_of_this_repository(plan: Plan) -> bool:
    seen = plan.snapshot
    elsewhere = (seen.branches_of, seen.remote, seen.taken_in)
    return all(one is None for one in elsewhere) and not (seen.placed or seen.public_targets or seen.push_places)


def _is_plain(one: BranchReport) -> bool:
    """True when no check, no remote and no integration branch has a part in what became of a branch."""
    step = one.step
    is_local = step.integration is None and step.of_remote is None and step.push_to is None
    is_pushed = one.publication is not None and one.publication.push is not PushState.NOT_ASKED
    return is_local and not is_pushed and one.result.validation.status is ValidationStatus.NOT_CONFIGURED


def _is_moved(one: BranchReport) -> bool:
    """True when a branch was aligned and moved as a whole."""
    outcome, move = one.result.outcome, one.publication
    return (
        one.verdict is Verdict.ALIGNED
        and isinstance(outcome, Aligned)
        and outcome.stopped_by is None
        and not outcome.resolved
        and move is not None
        and move.state is MoveState.MOVED
        and move.update.after == outcome.after
    )


def _stays(one: BranchReport) -> bool:
    """True when a branch did not align for a reason that lies in the commits."""
    outcome = one.result.outcome
    is_known = isinstance(outcome, Refused | Failed) and outcome.code in _OF_THE_COMMITS
    return one.verdict is Verdict.CONFLICTED or (one.verdict in (Verdict.REFUSED, Verdict.FAILED) and is_known)


def tips_after(report: Report) -> Iterator[Tip]:
    """Every ref as the run left it."""
    moved = {one.update.ref: one.update.after for one in report.publications if one.state is MoveState.MOVED}
    for tip in report.plan.snapshot.tips:
        yield replace(tip, oid=moved[tip.ref]) if tip.ref in moved else tip
