"""Whether a run left something that a push would publish, as far as the clone knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitalign.core.names import REMOTES, branch_of
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import BranchReport, Report
from gitalign.core.snapshot import Tip


def waits_for_push(report: Report, tips: Sequence[Tip], *, are_fresh: bool = True) -> bool:
    """True when a branch that the run moved stands elsewhere on a remote that has all of its target.

    Args:
        report: of the run.
        tips: every ref.
        are_fresh: they were read after the run; a branch that was moved since does not count.
    """
    now = {tip.ref: tip.oid for tip in tips}
    remotes = {ref.removeprefix(REMOTES).partition("/")[0] for ref in now if ref.startswith(REMOTES)}
    by_ref = {one.step.moved_ref: one for one in report.branches()}
    return any(
        now.get(f"{REMOTES}{remote}/{branch_of(one.update.ref)}", one.update.after) != one.update.after
        and _has_target(now, remote, by_ref.get(one.update.ref))
        for one in report.publications
        if one.state is MoveState.MOVED
        and one.push is PushState.NOT_ASKED
        and (not are_fresh or now.get(one.update.ref) == one.update.after)
        for remote in remotes
    )


def _has_target(now: Mapping[str, str], remote: str, one: BranchReport | None) -> bool:
    """A push of branches onto a target that the remote lacks is held back."""
    if one is None:
        return False
    there = now.get(f"{REMOTES}{remote}/{one.step.target.name}")
    return there is None or there == one.step.onto
