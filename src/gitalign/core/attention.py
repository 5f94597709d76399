"""What a run left for a person beside conflicts: which branches, why, and the command that helps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.forecast import BranchForecast, Prospect
from gitalign.core.names import branch_of, command_on
from gitalign.core.publication import UNSETTLED, Publication, PushState
from gitalign.core.push import place_words
from gitalign.core.report import Report, Verdict
from gitalign.core.run import RunState
from gitalign.core.validation import ValidationStatus

WITH_HOOKS = "--push-hooks"
"""The option that lets a push run what `git push` would; the reason of a push that is held back for it names it."""

_WORDS = {
    Verdict.FAILED: ("failed", "failed"),
    Verdict.REFUSED: ("was refused", "were refused"),
    Verdict.HELD_BACK: ("was not moved", "were not moved"),
    Verdict.PUSH_FAILED: ("is not on its remote", "are not on their remotes"),
    Verdict.MOVED_AWAY: ("was moved by another process", "were moved by another process"),
    Verdict.NOT_PUBLISHED: ("is aligned in memory only", "are aligned in memory only"),
    Verdict.SKIPPED: ("was skipped", "were skipped"),
    Verdict.CANCELLED: ("was not reached", "were not reached"),
}
"""Verdicts a person has to look at beside conflicts, the most pressing first."""
_EXPECTED = {
    Prospect.FAILED: ("could not be looked at", "could not be looked at"),
    Prospect.REFUSED: ("would be refused", "would be refused"),
    Prospect.CANCELLED: ("was not reached", "were not reached"),
}
_MADE_AGAIN = frozenset({Verdict.NOT_PUBLISHED, Verdict.SKIPPED, Verdict.CANCELLED})
_WAITING = (
    "moved in an earlier run and is not on its remote",
    "moved in earlier runs and are not on their remotes",
)
_UNCHECKED = ("has a check without a result", "have a check without a result")
_LEFT_OUT = ("cannot be aligned now", "cannot be aligned now")
_WRONG = ("cannot be aligned as asked for", "cannot be aligned as asked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Branches that need a person.

    Attributes:
        words: what came of them, to stand behind their number.
        branches: in plan order.
        reason: of the first one.
        command: what helps, to be typed as it stands.
    """

    words: str
    branches: tuple[str, ...]
    reason: str
    command: str


def needs_attention(report: Report) -> tuple[Attention, ...]:
    """Everything beside conflicts for which a run does not end with 0; empty where there is nothing of the kind."""
    by_verdict: dict[Verdict, list[tuple[str, str]]] = {verdict: [] for verdict in _WORDS}
    unchecked: list[tuple[str, str]] = []
    for one in report.branches():
        if one.verdict in by_verdict:
            by_verdict[one.verdict].append((one.step.branch.name, one.detail))
        elif one.result.validation.status is ValidationStatus.INCONCLUSIVE:
            unchecked.append((one.step.branch.name, next((check.reason for check in one.result.validation.checks), "")))
    found = [
        _group(_WORDS[verdict], members, _command(report, verdict, members[0][0]))
        for verdict, members in by_verdict.items()
        if members
    ]
    if unchecked:
        found.append(_group(_UNCHECKED, unchecked, command_on(f"git align show {report.run.id}", unchecked[0][0])))
    if report.waiting:
        waiting = [(branch_of(one.update.ref), push_reason(one)) for one in report.waiting]
        found.append(_group(_WAITING, waiting, " ".join(("git align", *push_waiting(report.waiting)))))
    left_out = [one for one in report.plan.excluded if one.is_held_back]
    wrong = [one for one in report.plan.excluded if one.is_wrong and not one.is_held_back]
    for words, excluded in ((_LEFT_OUT, left_out), (_WRONG, wrong)):
        if excluded:
            found.append(_group(words, [(one.branch, one.reason) for one in excluded], "git align plan"))
    return tuple(found)


def foreseen(branches: Sequence[BranchForecast]) -> tuple[Attention, ...]:
    """The same of a forecast."""
    by_prospect = {kind: [(one.branch, one.reason) for one in branches if one.prospect is kind] for kind in _EXPECTED}
    return tuple(
        _group(_EXPECTED[kind], members, "git align forecast" if kind is Prospect.CANCELLED else "git align plan")
        for kind, members in by_prospect.items()
        if members
    )


def push_again(run_id: str | None, waiting: Sequence[Publication]) -> tuple[str, ...]:
    """The verb `push` with what it takes to get somewhere; empty where the next push would be held back for the same reason.

    Args:
        run_id: of the run; None for all runs.
        waiting: branches that moved here and that are not on their remote.
    """
    chosen = () if run_id is None else (run_id,)
    if any(one.push is PushState.HELD_BACK and WITH_HOOKS in one.push_detail for one in waiting):
        return ("push", WITH_HOOKS, *chosen)
    return ("push", *chosen) if any(one.push is not PushState.HELD_BACK for one in waiting) else ()


def push_waiting(waiting: Sequence[Publication]) -> tuple[str, ...]:
    """The verb `push` for branches that earlier runs moved; with `--dry-run` where a push would be held back as before."""
    return push_again(None, waiting) or ("push", "--dry-run")


def push_reason(one: Publication) -> str:
    """Where a branch was to go, and why it is not there, in words."""
    place = place_words(one.remote or "", one.pushed_ref)
    return one.push_detail if place in one.push_detail else f"{place}: {one.push_detail or one.push.value}"


def _group(words: tuple[str, str], members: Sequence[tuple[str, str]], command: str) -> Attention:
    return Attention(
        words=words[0] if len(members) == 1 else words[1],
        branches=tuple(name for name, _ in members),
        reason=members[0][1],
        command=command,
    )


def _command(report: Report, verdict: Verdict, first: str) -> str:
    if verdict in _MADE_AGAIN:
        return "git align run" if report.run.state is RunState.FINISHED else "git align resume"
    if verdict is Verdict.PUSH_FAILED:
        theirs = {step.moved_ref for step in report.plan.steps if step.of_remote is not None}
        waiting = [one for one in report.publications if one.push in UNSETTLED and one.update.ref not in theirs]
        if words := push_again(report.run.id, waiting):
            return " ".join(("git align", *words))
    return command_on(f"git align show {report.run.id}", first)
