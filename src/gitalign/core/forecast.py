"""The forecast: what a run would come to, branch by branch and target by target, before anything moves.

Pure values. The same repository and settings give the same forecast, byte for byte: no times, no counts of work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from gitalign.core.conflict import AlignablePoint, AppliedResolution, Conflict, Undetermined
from gitalign.core.exclusions import Exclusion
from gitalign.core.names import Oid
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
)
from gitalign.core.pair_conflicts import Contest, PairConflict, PairCount, UnmergedPair
from gitalign.core.plan import Plan, Step, StepKind, Target


class Prospect(StrEnum):
    """What is foreseen for a branch."""

    CLEAN = "clean"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The forecast was stopped before it came to this branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchForecast:
    """One branch against one target.

    Attributes:
        branch, target: names.
        tip, onto: the commits that were tried.
        kind: what a run would do.
        assigned: whether this is the target a run would take.
        prospect: what would come of it.
        code: machine word for the reason; empty for a clean branch.
        reason: the same in words.
        tree: tree the branch would have afterwards; None unless it is clean.
        commit, subject, position, total: where it stops, the k-th of n commits; None and 0 unless it conflicts.
        conflicts: as git names them.
        paths: conflicted paths, sorted.
        resolved: conflicts that would be settled without a person.
        alignable_point: how far it aligns; None where it was not asked for.
    """

    branch: str
    target: str
    tip: Oid
    onto: Oid
    kind: StepKind
    assigned: bool
    prospect: Prospect
    own_commits: int
    behind: int
    code: str = ""
    reason: str = ""
    tree: Oid | None = None
    commit: Oid | None = None
    subject: str = ""
    position: int = 0
    total: int = 0
    conflicts: tuple[Conflict, ...] = ()
    paths: tuple[str, ...] = ()
    resolved: tuple[AppliedResolution, ...] = ()
    alignable_point: AlignablePoint | Undetermined | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestedPath:
    """A path at which branches stop."""

    path: str
    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """A person who wrote commits; `.mailmap` applied."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a branch is.

    Attributes:
        authors: of its own commits, those with most commits first; of its tip when it has none.
        last_commit_at: committer time of its tip, seconds since the epoch.
    """

    branch: str
    authors: tuple[Author, ...]
    last_commit_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNote:
    """A commit named elsewhere in the forecast."""

    commit: Oid
    author: Author
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Two authors whose branches clash.

    Attributes:
        one, other: by mail address; the same person when both branches are theirs.
        clashes: pairs of branches, sorted.
        paths: where, sorted.
    """

    one: Author
    other: Author
    clashes: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Every branch against its targets.

    Attributes:
        branches: by target in the order of `targets`, then by name.
        excluded: branches a run would leave out, and why.
        owners: of every branch, by name.
        pairs: of each target, when pairs were asked for.
        clashes: pairs of branches that clash with one another; by target and name.
        contests: paths at which branches stop that others change, too; by target and path.
        unmerged: pairs git could not merge.
        commits: those that clashes name, by id.
        is_complete: False when it was stopped: branches are `cancelled`, or targets are missing from `pairs`.
        notices: what was to settle conflicts and cannot, in words.
    """

    targets: tuple[Target, ...]
    branches: tuple[BranchForecast, ...]
    excluded: tuple[Exclusion, ...]
    owners: tuple[Owner, ...] = ()
    pairs: tuple[PairCount, ...] = ()
    clashes: tuple[PairConflict, ...] = ()
    contests: tuple[Contest, ...] = ()
    unmerged: tuple[UnmergedPair, ...] = ()
    commits: tuple[CommitNote, ...] = ()
    is_complete: bool = True
    notices: tuple[str, ...] = ()

    def counts(self, target: str) -> dict[Prospect, int]:
        """How many branches have which prospect on a target; prospects that no branch has are left out."""
        found = {
            prospect: sum(one.target == target and one.prospect is prospect for one in self.branches)
            for prospect in Prospect
        }
        return {prospect: count for prospect, count in found.items() if count}

    def contested(self, target: str) -> tuple[ContestedPath, ...]:
        """Paths at which branches stop on a target, most contested first."""
        stopping: dict[str, list[str]] = defaultdict(list)
        for one in self.branches:
            if one.target == target:
                for path in one.paths:
                    stopping[path].append(one.branch)
        ranked = sorted(stopping.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple(ContestedPath(path=path, branches=tuple(branches)) for path, branches in ranked)

    def talks(self) -> tuple[Talk, ...]:
        """Who must talk to whom: authors of the commits that clash, those with most clashes first."""
        wrote = {note.commit: note.author for note in self.commits}
        owners = {owner.branch: owner.authors for owner in self.owners}
        pairs: dict[tuple[Author, Author], list[PairConflict]] = defaultdict(list)
        for clash in self.clashes:
            ones = {wrote[oid] for oid in clash.one_commits if oid in wrote} or set(owners.get(clash.one, ()))
            others = {wrote[oid] for oid in clash.other_commits if oid in wrote} or set(owners.get(clash.other, ()))
            met = {tuple(sorted((one, other), key=_by_address)) for one in ones for other in others}
            for first, second in met:
                pairs[first, second].append(clash)
        found = [
            Talk(
                one=one,
                other=other,
                clashes=tuple(sorted((clash.one, clash.other) for clash in clashes)),
                paths=tuple(sorted({path for clash in clashes for path in clash.paths})),
            )
            for (one, other), clashes in pairs.items()
        ]
        return tuple(
            sorted(found, key=lambda talk: (-len(talk.clashes), _by_address(talk.one), _by_address(talk.other)))
        )

    def exit_code(self) -> int:
        """0 when every branch would be aligned or is, 1 when some need attention, 130 when it was stopped."""
        prospects = {one.prospect for one in self.branches}
        if not self.is_complete:
            return 130
        return 0 if prospects <= {Prospect.CLEAN, Prospect.UNCHANGED} else 1


def _by_address(author: Author) -> tuple[str, str]:
    return author.email, author.name


def foresee(plan: Plan, results: Sequence[StepResult], *, assigned: Mapping[str, str]) -> tuple[BranchForecast, ...]:
    """The forecast of one plan from what its steps came to, by target and name.

    Args:
        plan: the plan.
        results: of its steps.
        assigned: the target a run would take, by branch.
    """
    by_step = {result.step_id: result for result in results}
    place = {target.name: number for number, target in enumerate(plan.targets)}
    steps = sorted(plan.steps, key=lambda step: (place[step.target.name], step.branch.name))
    return tuple(
        _forecast_of(step, by_step[step.id].outcome, assigned=assigned.get(step.branch.name) == step.target.name)
        for step in steps
    )


def _forecast_of(step: Step, outcome: Outcome, *, assigned: bool) -> BranchForecast:
    forecast = BranchForecast(
        branch=step.branch.name,
        target=step.target.name,
        tip=step.seen,
        onto=step.onto,
        kind=step.kind,
        assigned=assigned,
        prospect=Prospect.CLEAN,
        own_commits=step.own_commits,
        behind=step.behind,
    )
    match outcome:
        case Aligned():
            return replace(forecast, tree=outcome.tree, resolved=outcome.resolved)
        case Unchanged():
            return replace(forecast, prospect=Prospect.UNCHANGED, code=outcome.code, reason=outcome.reason)
        case Conflicted():
            return replace(
                forecast,
                prospect=Prospect.CONFLICT,
                code="conflict",
                reason=_stop(outcome),
                commit=outcome.commit,
                subject=outcome.subject,
                position=outcome.position,
                total=outcome.total,
                conflicts=outcome.conflicts,
                paths=outcome.paths,
                alignable_point=outcome.alignable_point,
            )
        case Refused():
            return replace(forecast, prospect=Prospect.REFUSED, code=outcome.code, reason=outcome.reason)
        case Failed() | Skipped():
            return replace(forecast, prospect=Prospect.FAILED, code=outcome.code, reason=outcome.reason)
        case Cancelled():
            return replace(forecast, prospect=Prospect.CANCELLED, code="cancelled", reason=outcome.reason)
        case _ as never:
            assert_never(never)


def _stop(outcome: Conflicted) -> str:
    paths = outcome.paths
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    where = f"at commit {outcome.position} of {outcome.total}" if outcome.commit else "merging branch and target"
    return f"conflicts {where}: {named}"
