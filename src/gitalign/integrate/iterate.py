"""Replaying a branch in steps along its target's own line: each step puts what the last one made onto a commit further on.

Each step is a rebase as git makes it. What stands between the steps is thrown away with the quarantine; reported is what became of the
branch's commits from the first to the last. A commit that a step leaves out stays out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gitalign.core.conflict import AppliedResolution, findings_of_resolutions
from gitalign.core.emptied import emptied_as_findings
from gitalign.core.findings import Finding, Severity
from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Dropped, DropReason, Outcome, Refused, Rewrite
from gitalign.core.own_commits import OwnCommits
from gitalign.core.plan import Step
from gitalign.core.policy import Strategy
from gitalign.git.merge import Side
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.pick import Rewriting, nothing_left
from gitalign.integrate.rebase import Picks, replay
from gitalign.integrate.reproduce import reproduce_steps, resolved_on_the_way

MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Stop:
    """A commit of the target on the way to its tip.

    Attributes:
        upstream: own commit of the branch -> commit of the target with the same patch, where the target has it there already.
    """

    commit: Oid
    upstream: Mapping[Oid, Oid]


def stops_along(
    line: FirstParentChain, branch: Oid, equivalents: Mapping[Oid, Sequence[Oid]], *, step_size: int
) -> tuple[Stop, ...]:
    """Where an iterative rebase stops by, oldest first; the last one is the target's tip.

    The first is at or above the commit by which the line came to have all that branch and target have in common: below that, more than
    the branch's own commits would have to be replayed.

    Args:
        line: of the target.
        branch: tip of the branch.
        equivalents: own commit -> commits of the target with the same patch.
        stride: commits of the line to a step; more where `MOST_STEPS` would not do.
    """
    joined = line.joined(branch)
    step_size = max(step_size, -(-joined // MOST_STEPS))
    places = [*range(joined - step_size, 0, -step_size), 0]
    found: list[Stop] = []
    for place in places:
        upstream = {
            oid: there[0]
            for oid, others in equivalents.items()
            if (there := [other for other in others if line.has_at(place, other)])
        }
        found.append(Stop(line.commits[place], upstream))
    return tuple(found)


@dataclass(slots=True)
class _Way:
    """What the steps have made of a branch so far.

    Attributes:
        now: own commit -> what became of it.
        emptied: own commits that became empty on the way, each with the commit of the target.
    """

    now: dict[Oid, Oid]
    dropped: list[Dropped] = field(default_factory=list)
    emptied: list[tuple[Oid, Oid]] = field(default_factory=list)
    resolved: list[AppliedResolution] = field(default_factory=list)

    def gone_on(self, outcome: Aligned, stop: Stop, *, is_last: bool) -> None:
        """Take in what a step made."""
        old_of = {new: old for old, new in self.now.items()}
        for drop in outcome.dropped:
            old = old_of.get(drop.oid, drop.oid)
            self.dropped.append(replace(drop, oid=old))
            if drop.reason is DropReason.BECAME_EMPTY and not is_last:
                self.emptied.append((old, stop.commit))
        self.resolved += outcome.resolved
        self.now = {old_of[pair.old]: pair.new for pair in outcome.rewritten}


def iterate(step: Step, own: OwnCommits, work: Rewriting, *, stops: Sequence[Stop], passing: Rewrites) -> Outcome:
    """Replay the own commits of a branch onto its target, step by step.

    Args:
        step: the branch.
        own: its commits.
        work: with what they are rewritten.
        stops: as `stops_along` gives them.
        passing: commits on the way that other branches have rewritten already; these are not signed.

    Returns:
        Aligned, Conflicted or Refused; a broken world is an exception.
    """
    way = _Way({oid: oid for oid in own.picks})
    on_the_way = replace(work, rewrites=passing, rules=replace(work.rules, signer=None))
    last: Aligned | None = None
    for number, stop in enumerate(stops, 1):
        is_last = number == len(stops)
        passed = [one.commit for one in stops[:number]]
        outcome = replay(
            replace(step, onto=stop.commit),
            Picks(
                picks=list(way.now.values()),
                merges=own.merges if is_last else (),
                upstream={way.now[oid]: twin for oid, twin in stop.upstream.items() if oid in way.now},
            ),
            work if is_last else on_the_way,
            attributes_from=step.onto,
            display_ids={new: old for old, new in way.now.items()},
            reproduce=partial(reproduce_steps, step, passed, resolved_on_the_way(way.resolved)),
        )
        if isinstance(outcome, Conflicted):
            return replace(outcome, onto=step.onto, on_the_way=None if is_last else stop.commit)
        if not isinstance(outcome, Aligned):
            return outcome
        way.gone_on(outcome, stop, is_last=is_last)
        last = outcome
    assert last is not None
    return _whole(step, own, last, way, work.lane)


def _whole(step: Step, own: OwnCommits, last: Aligned, way: _Way, lane: MergeWorker) -> Aligned | Refused:
    """What all steps together made of the branch."""
    findings: list[Finding] = []
    for oid, where in way.emptied:
        found = _given_up(step, oid, where, lane=lane)
        if isinstance(found, Refused):
            return found
        findings += [found] if found is not None else []
    originals = dict(zip(own.picks, lane.read(own.picks), strict=True))
    finals = lane.read(list(way.now.values()))
    unsigned = sum(originals[old].is_signed and not made.is_signed for old, made in zip(way.now, finals, strict=True))
    told = (*findings_of_resolutions(way.resolved), *emptied_as_findings(way.dropped, way.resolved), *findings)
    return replace(
        last,
        how=AlignedKind.REPLAYED if way.now else nothing_left(way.dropped),
        before=step.seen,
        onto=step.onto,
        rewritten=tuple(Rewrite(old=old, new=new) for old, new in way.now.items()),
        dropped=tuple(way.dropped),
        unsigned=unsigned,
        resolved=tuple(way.resolved),
        findings=told,
    )


def _given_up(step: Step, oid: Oid, where: Oid, *, lane: MergeWorker) -> Finding | Refused | None:
    """What is to be said of a commit that became empty on the way: does the target's tip still have its change?

    Where git cannot tell, a request for steps is refused; a request for whatever works is not given a result without the commit.
    """
    tip, commit = lane.side(step.onto), lane.side(oid)
    base = lane.side(commit.parents[0]) if commit.parents else None
    answer = lane.merge(step.onto, base=base, ours=tip, theirs=Side(commit.tree, oid, commit.parents))
    if answer.is_clean and answer.tree == tip.tree:
        return None
    if answer.is_clean:
        return Refused(
            code="taken_back",
            reason=f"the target had the change of commit {oid[:12]} at {where[:12]} and does not have it any more: dropping the commit would lose it",
            hint="choose --strategy rebase or merge, and see the conflict",
        )
    if step.strategy is Strategy.AUTO:
        return Refused(
            code="changed_since",
            reason=f"commit {oid[:12]} became empty at {where[:12]}, and the target has changed the same lines since: whether its change is still there is not known",
            hint="look at it, and choose --strategy iterative if it may be dropped",
        )
    return Finding(
        code="dropped_on_the_way",
        severity=Severity.WARNING,
        message=f"commit {oid[:12]} was dropped because the target had its change at {where[:12]}; the target has changed the same lines since",
        detector="iterative",
        introduced_by="integration",
    )
