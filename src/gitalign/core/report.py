"""The report: what was planned, what came of every branch, and whether that is a success."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.outcome import (
    Aligned,
    Cancelled,
    Conflicted,
    Failed,
    Outcome,
    Refused,
    Skipped,
    StepResult,
    Unchanged,
    conflict_of,
)
from gitalign.core.plan import Plan, Step
from gitalign.core.publication import UNSETTLED, MoveState, Publication, PushState
from gitalign.core.push import place_words
from gitalign.core.run import RunKind, RunRecord
from gitalign.core.validation import ValidationStatus


class Verdict(StrEnum):
    """How a branch ended, outcome and publication taken together."""

    ALIGNED = "aligned"
    PARTLY_ALIGNED = "partly_aligned"
    """Conflicts with its target, and stands on the last commit of it onto which it aligns."""
    UNCHANGED = "unchanged"
    CONFLICTED = "conflicted"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    HELD_BACK = "held_back"
    """Aligned in memory, but its branch could not be moved."""
    NOT_PUBLISHED = "not_published"
    """Aligned in memory, but the run ended before it was published."""
    MOVED_AWAY = "moved_away"
    """Moved, but another process moved it right after."""
    PUSH_FAILED = "push_failed"
    """Moved here; the remote does not have it: it refused, it was not asked, or that is not known."""
    PUT_BACK = "put_back"
    """An undo put it back to where it stood before the run."""


SUCCESSES = frozenset({Verdict.ALIGNED, Verdict.UNCHANGED, Verdict.PUT_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchReport:
    """One branch: its step, its result, its publication, its verdict."""

    step: Step
    result: StepResult
    publication: Publication | None
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run written up.

    Attributes:
        phases: seconds per phase of the run.
        peak_memory_bytes: of our own process, without git's.
        processor_s: seconds of processor time while it went on, of the process that it ran in and of all that this started.
        total_s: wall-clock seconds.
        waiting: branches that earlier runs moved, whose push failed or was held back, and that are not on their remote since, as
            far as that is known without asking it; each as the run that pushed last left it.
    """

    run: RunRecord
    plan: Plan
    results: tuple[StepResult, ...]
    publications: tuple[Publication, ...]
    phases: tuple[tuple[str, float], ...] = ()
    peak_memory_bytes: int = 0
    processor_s: float = 0.0
    breaker_tripped: bool = False
    notices: tuple[str, ...] = ()
    executed_at: datetime
    total_s: float = 0.0
    waiting: tuple[Publication, ...] = ()
    _by_ref: Mapping[str, Publication] = field(init=False, repr=False, compare=False)
    _branches: list[tuple[BranchReport, ...]] = field(init=False, repr=False, compare=False, default_factory=list)
    """Made when they are first asked for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_ref", {one.update.ref: one for one in self.publications})

    def branches(self) -> tuple[BranchReport, ...]:
        """Every branch of the plan, in plan order; of an undo, those that it was about."""
        if not self._branches:
            self._branches.append(self._made())
        return self._branches[0]

    def _made(self) -> tuple[BranchReport, ...]:
        if self.run.kind is RunKind.UNDO:
            return tuple(
                _put_back(step, self._by_ref[step.moved_ref])
                for step in self.plan.steps
                if step.moved_ref in self._by_ref
            )
        by_step = {result.step_id: result for result in self.results}
        return tuple(self._branch(step, by_step.get(step.id)) for step in self.plan.steps)

    def counts(self) -> dict[str, int]:
        """Number of branches per verdict; verdicts that no branch has are left out."""
        found = Counter(branch.verdict.value for branch in self.branches())
        return {verdict.value: found[verdict.value] for verdict in Verdict if found[verdict.value]}

    def by_target(self) -> dict[str, tuple[BranchReport, ...]]:
        """Branches per target, in plan order; a target without branches is there too."""
        groups: dict[str, list[BranchReport]] = {target.name: [] for target in self.plan.targets}
        for branch in self.branches():
            groups.setdefault(branch.step.target.name, []).append(branch)
        return {name: tuple(members) for name, members in groups.items()}

    def exit_code(self) -> int:
        """0 when every branch is aligned or unchanged and published, 1 when some need attention, 130 when the run was stopped."""
        if self.run.outcome == "interrupted":
            return 130
        if self.run.kind is not RunKind.ALIGN:
            return 0 if all(map(is_decided, self.publications)) else 1
        if any(branch.result.validation.status is ValidationStatus.INCONCLUSIVE for branch in self.branches()):
            return 1
        if any(one.is_wrong or one.is_held_back for one in self.plan.excluded):
            return 1
        return 0 if all(branch.verdict in SUCCESSES for branch in self.branches()) else 1

    def _branch(self, step: Step, result: StepResult | None) -> BranchReport:
        publication = self._by_ref.get(step.moved_ref)
        if result is None and publication is not None and publication.state in (MoveState.MOVED, MoveState.UNDONE):
            return _without_result(step, publication)
        if result is None:
            gone = StepResult(
                step_id=step.id,
                branch=step.branch.name,
                outcome=Cancelled(reason="the run ended before this branch was done"),
            )
            return BranchReport(
                step=step,
                result=gone,
                publication=None,
                verdict=Verdict.CANCELLED,
                detail="the run ended before this branch was done",
            )
        verdict, detail = _verdict(result.outcome, publication)
        if verdict is Verdict.ALIGNED and step.integration is not None and not detail:
            detail = f"stays where it is; {step.integration} holds the merge of it into {step.target.name}"
        return BranchReport(step=step, result=result, publication=publication, verdict=verdict, detail=detail)


def _without_result(step: Step, publication: Publication) -> BranchReport:
    """A branch that was moved, of which the journal does not say how it was made."""
    reason = f"it was moved to {publication.update.after[:12]}, but its result is not in the journal"
    outcome = Failed(code="result_missing", reason=reason, hint="git align verify", stage="publish")
    result = StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)
    return BranchReport(step=step, result=result, publication=publication, verdict=Verdict.FAILED, detail=reason)


def was_pushed(one: BranchReport) -> bool:
    """Whether a run brought the branch to its remote; it may have stood here as it should before."""
    return one.publication is not None and one.publication.push is PushState.PUSHED


def has_moved(report: Report) -> bool:
    """Whether anything moved, here or on a remote, so that an undo has something to put back."""
    return any(one.state is MoveState.MOVED or one.push is PushState.PUSHED for one in report.publications)


def is_decided(one: Publication) -> bool:
    """Whether a branch stands where an undo or a push was to bring it, here and on its remote."""
    is_here = one.state in (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS) and not one.detail
    return is_here and one.push not in UNSETTLED


def _put_back(step: Step, publication: Publication) -> BranchReport:
    """A branch of an undo."""
    words = f"put back to {publication.update.after[:12]}"
    verdict, detail = Verdict.PUT_BACK, f"{words}{_pushed_words(publication)}"
    if publication.state is MoveState.UNDONE:
        detail = f"was {words}; brought forward again since"
    elif publication.state is MoveState.STANDS:
        detail = f"stands where it stood{_pushed_words(publication)}"
    elif publication.state is not MoveState.MOVED:
        verdict, detail = Verdict.HELD_BACK, publication.detail or "not put back yet"
    elif publication.detail:
        verdict, detail = Verdict.MOVED_AWAY, publication.detail
    if verdict is Verdict.PUT_BACK and publication.push in UNSETTLED:
        verdict, detail = Verdict.PUSH_FAILED, publication.push_detail or publication.push.value
    result = StepResult(
        step_id=step.id, branch=step.branch.name, outcome=Unchanged(code="undo", reason="an undo aligns nothing")
    )
    return BranchReport(step=step, result=result, publication=publication, verdict=verdict, detail=detail)


def _pushed_words(publication: Publication) -> str:
    """`, pushed to origin/topic`; empty where nothing was pushed."""
    if publication.push not in (PushState.PUSHED, PushState.UP_TO_DATE) or publication.remote is None:
        return ""
    return f", pushed to {place_words(publication.remote, publication.pushed_ref)}"


def _verdict(outcome: Outcome, publication: Publication | None) -> tuple[Verdict, str]:
    match outcome:
        case Aligned():
            return _published(outcome, publication)
        case Unchanged(reason=reason):
            if publication is not None and publication.push in UNSETTLED:
                return Verdict.PUSH_FAILED, publication.push_detail or publication.push.value
            return Verdict.UNCHANGED, reason + (_pushed_words(publication) if publication is not None else "")
        case Conflicted():
            return Verdict.CONFLICTED, conflict_in_words(outcome)
        case Refused(reason=reason):
            return Verdict.REFUSED, reason
        case Failed(reason=reason):
            return Verdict.FAILED, reason
        case Skipped(reason=reason):
            return Verdict.SKIPPED, reason
        case Cancelled(reason=reason):
            return Verdict.CANCELLED, reason


def _published(outcome: Aligned, publication: Publication | None) -> tuple[Verdict, str]:
    if outcome.after == outcome.before:
        return Verdict.UNCHANGED, "stands where it stood"
    if publication is None or publication.state is MoveState.INTENDED:
        return Verdict.NOT_PUBLISHED, "aligned in memory only; its branch was not moved"
    if publication.state is MoveState.UNDONE:
        verdict = Verdict.ALIGNED if outcome.stopped_by is None else Verdict.PARTLY_ALIGNED
        return verdict, "was aligned; undone since"
    if publication.state not in (MoveState.MOVED, MoveState.STANDS):
        return Verdict.HELD_BACK, publication.detail
    if publication.detail:
        return Verdict.MOVED_AWAY, publication.detail
    if publication.push in UNSETTLED:
        return Verdict.PUSH_FAILED, publication.push_detail or publication.push.value
    if outcome.stopped_by is not None:
        return Verdict.PARTLY_ALIGNED, conflict_in_words(outcome.stopped_by)
    return Verdict.ALIGNED, _pushed_words(publication).removeprefix(", ")


def alignable_point_in_words(found: AlignablePoint | Undetermined | None) -> tuple[str, ...]:
    """How far a conflicting branch aligns and what stops it there, line by line; nothing where it was not asked for."""
    if found is None:
        return ()
    if isinstance(found, Undetermined):
        return (f"how far it aligns is not known: {found.reason}",)
    moves = f"{found.advanced_by} of {found.advanced_by + found.remaining} first-parent commits of the target"
    far = (
        f"aligns up to {found.clean[:12]} ({moves})" if found.advanced_by else f"aligns nowhere above {found.fork[:12]}"
    )
    what = "merge" if found.is_merge else "commit"
    mine = f"{found.commit[:12]} {found.commit_subject} ({found.commit_author})" if found.commit else "the whole branch"
    return (
        far,
        f"first broken by {what} {found.broken[:12]} {found.subject} ({found.author} <{found.email}>)",
        f"which clashes with {mine}: {', '.join(found.paths[:5])}",
    )


def conflict_in_words(outcome: Conflicted) -> str:
    """One line: where it stopped, on what; and how far it aligns, where that is known."""
    far = alignable_point_in_short(outcome.alignable_point)
    stays = f"; not moved: {outcome.not_moved_reason}" if outcome.not_moved_reason else ""
    return _stop_in_words(outcome) + (f"; {far}" if far else "") + stays


def strategies_in_words(outcome: Outcome) -> tuple[str, ...]:
    """What `strategy: auto` tried, a line each, and what it took; empty where one strategy was enough."""
    stopped = conflict_of(outcome)
    tried = (
        outcome.strategies_tried
        if isinstance(outcome, Aligned)
        else stopped.strategies_tried
        if stopped is not None
        else ()
    )
    taken = (f"aligned by {outcome.strategy_used}",) if isinstance(outcome, Aligned) and outcome.strategy_used else ()
    return (*(f"tried: {words}" for words in tried), *taken)


def alignable_point_in_short(found: AlignablePoint | Undetermined | None) -> str:
    """How far a conflicting branch aligns, in half a line; empty where it was not asked for."""
    if not isinstance(found, AlignablePoint):
        return ""
    far = f"aligns up to {found.clean[:10]}" if found.advanced_by else "aligns nowhere further"
    return f"{far}, first broken by {found.broken[:10]} ({found.author}: {found.subject})"


def _stop_in_words(outcome: Conflicted) -> str:
    paths = ", ".join(outcome.paths[:3]) + (f" and {len(outcome.paths) - 3} more" if len(outcome.paths) > 3 else "")
    kinds = ", ".join(
        dict.fromkeys(conflict.kind.removeprefix("CONFLICT ").strip("()") for conflict in outcome.conflicts)
    )
    # What conflicts comes first: a narrow terminal cuts the end of the line.
    what = f"{kinds or 'conflict'} in {paths}"
    if outcome.commit is None:
        return f"{what}, while branch and target are merged"
    if outcome.recreating is not None:
        where = f"while merge {outcome.commit[:10]} is made again (commit {outcome.position} of {outcome.total})"
    else:
        where = f"at commit {outcome.position} of {outcome.total} ({outcome.commit[:10]})"
    if outcome.on_the_way is not None:
        where += f" at {outcome.on_the_way[:10]} on the way to the target's tip"
    return f"{what}, {where}"
