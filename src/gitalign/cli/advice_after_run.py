"""What to type after a run. Apart from the other advice, because it needs to know what a run came to."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.cli.advice import Advice, Typed, chosen, deletion
from gitalign.core.attention import WITH_HOOKS, push_again, push_waiting
from gitalign.core.names import command_on, display
from gitalign.core.outcome import Unchanged
from gitalign.core.plan import StepKind
from gitalign.core.publication import UNSETTLED, MoveState, Publication, PushState
from gitalign.core.report import Report, Verdict
from gitalign.core.run import RunState
from gitalign.core.unpushed import waits_for_push

_MERGED = "already_merged"
_CONFLICTS = frozenset({Verdict.CONFLICTED, Verdict.PARTLY_ALIGNED})
_WHY_PUSH = ("pushes the branch that an earlier run moved", "pushes the branches that earlier runs moved")
_ATTENTION = frozenset(
    {
        Verdict.CONFLICTED,
        Verdict.PARTLY_ALIGNED,
        Verdict.FAILED,
        Verdict.REFUSED,
        Verdict.HELD_BACK,
        Verdict.PUSH_FAILED,
        Verdict.MOVED_AWAY,
        Verdict.SKIPPED,
    }
)


def after_run(report: Report, typed: Typed, *, is_new: bool) -> list[Advice]:
    """What follows a run: its conflicts, a push, a look at what else needs attention, and the way back.

    Args:
        report: of the run.
        typed: what was typed.
        is_new: the run has just ended, so that what it left open is still open.
    """
    if typed.service is not None:
        return _after_remote_run(report, typed, is_new=is_new)
    advice = []
    attention = [one for one in report.branches() if one.verdict in _ATTENTION]
    conflicted = [one for one in attention if one.verdict in _CONFLICTS]
    if report.run.outcome == "interrupted" and report.run.state is not RunState.FINISHED:
        advice.append(Advice(typed.command("resume"), "goes on where the run was stopped"))
    if conflicted and is_new:
        words = (*typed.how, *chosen(report.plan.snapshot, typed))
        count = len(conflicted)
        why = f"groups the {count} conflicts by what causes them" if count > 1 else "shows what causes the conflict"
        advice.append(Advice(typed.command("conflicts", *words), why))
    others = [one for one in attention if one not in conflicted] or ([] if is_new else attention)
    if others:
        words_of_one = command_on(typed.command("show", report.run.id), others[0].step.branch.name)
        advice.append(Advice(words_of_one, "shows one branch in full"))
    theirs = {step.moved_ref for step in report.plan.steps if step.of_remote is not None}
    waiting = [one for one in report.publications if one.push in UNSETTLED]
    advice += _push(report, [one for one in waiting if is_new and one.update.ref not in theirs], typed, is_new=is_new)
    if is_new and report.waiting:
        advice.append(Advice(typed.command(*push_waiting(report.waiting)), _WHY_PUSH[len(report.waiting) > 1]))
    advice += _about_a_remote(report, [one for one in waiting if is_new and one.update.ref in theirs], typed)
    if is_new and not advice and any(one.is_held_back for one in report.plan.excluded):
        words = (*typed.how, *chosen(report.plan.snapshot, typed))
        advice.append(Advice(typed.command("run", *words), "again, when what holds branches back is out of the way"))
    if is_new and (merged := _merged(report)):
        why = "deletes the merged branch" if merged == 1 else f"deletes {merged} merged branches"
        advice.append(deletion(report.plan, typed, why))
    return advice + _way_back(report, typed)


def _push(report: Report, waiting: Sequence[Publication], typed: Typed, *, is_new: bool) -> list[Advice]:
    """A push of what moved here; nothing where the next one would be held back for the same reason."""
    words = push_again(report.run.id, waiting)
    if WITH_HOOKS in words:
        return [Advice(typed.command(*words), "runs what git push would, and pushes the branches that moved")]
    if words or (is_new and waits_for_push(report, report.plan.snapshot.tips, are_fresh=False)):
        return [Advice(typed.command("push", report.run.id), "pushes the branches that moved")]
    return []


def _after_remote_run(report: Report, typed: Typed, *, is_new: bool) -> list[Advice]:
    """The same where a service made the run: only what `git align remote` can do."""
    advice = []
    verdicts = {one.verdict for one in report.branches()}
    if report.run.outcome == "interrupted" and report.run.state is not RunState.FINISHED:
        advice.append(Advice(typed.command("resume", report.run.id), "goes on where the run was stopped"))
    if is_new and verdicts & _CONFLICTS:
        advice.append(Advice(typed.command("conflicts"), "groups the conflicts by what causes them"))
    others = [one for one in report.branches() if one.verdict in _ATTENTION - _CONFLICTS]
    if others and is_new:
        advice.append(Advice(typed.command("show", "-v", report.run.id), "lists every branch with its reason"))
    waiting = [one for one in (*report.publications, *report.waiting) if one.push in UNSETTLED]
    if is_new and any(one.push is not PushState.HELD_BACK for one in waiting):
        advice.append(Advice(typed.command("run", "--push"), "pushes again what did not arrive"))
    if is_new and not advice and any(one.is_held_back for one in report.plan.excluded):
        advice.append(Advice(typed.command("run"), "again, when what holds branches back is out of the way"))
    return advice + _way_back(report, typed)


def _about_a_remote(report: Report, waiting: Sequence[Publication], typed: Typed) -> list[Advice]:
    """What follows branches of a remote that did not get there: `push` publishes only what moved here."""
    states = {one.push for one in waiting}
    advice = []
    if PushState.UNKNOWN in states:
        advice.append(Advice(typed.command("resume"), "asks the remote what arrived"))
    if states & {PushState.REJECTED, PushState.NOT_PUSHED}:
        words = (*typed.how, *chosen(report.plan.snapshot, typed))
        advice.append(Advice(typed.command("run", *words), "reads the remote again, and aligns what it has then"))
    return advice


def _merged(report: Report) -> int:
    left = {one.step_id for one in report.results if isinstance(one.outcome, Unchanged) and one.outcome.code == _MERGED}
    return sum(step.id in left and step.kind is StepKind.LEAVE and step.checkout is None for step in report.plan.steps)


def _way_back(report: Report, typed: Typed) -> list[Advice]:
    moved = sum(one.state is MoveState.MOVED for one in report.publications) - report.run.undone
    is_pushed = any(one.push is PushState.PUSHED for one in report.publications)
    if report.plan.snapshot.branches_of is not None and is_pushed:
        remote = report.plan.snapshot.branches_of
        return [Advice(typed.command("undo", "--push", report.run.id), f"gives {remote} back what it held")]
    back = "the branch that moved" if moved == 1 else f"the {moved} branches that moved"
    if is_pushed and report.run.undone_by is None:
        remotes = {one.remote for one in report.publications if one.push is PushState.PUSHED}
        where = display(remotes.pop() or "") if len(remotes) == 1 else "the remotes"
        why = f"puts back {back}, here and on {where}" if moved > 0 else f"gives {where} back what it held"
        return [Advice(typed.command("undo", "--push", report.run.id), why)]
    if moved > 0:
        return [Advice(typed.command("undo", report.run.id), f"puts back {back}")]
    return []
