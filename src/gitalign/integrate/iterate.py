"""Replaying a branch in steps along its target's own line: each step puts what the last one made onto a commit further on.

Each step is a rebase as git makes it. What stands between the steps is thrown away with the quarantine; told is what became of the
branch's commits from the first to the last. A commit that a step leaves out stays out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gitalign.core.conflict import AppliedResolution, findings_of_resolutions
from gitalign.core.emptied import emptied_as_findings
from gitalign.core.findings import Finding, Severity
from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Dropped, DropReason, Outcome, Refused, Rewrite
from gitalign.core.plan import Step
from gitalign.core.policy import Strategy
from gitalign.git.merge import Side
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.pick import ReplayRules, nothing_left
from gitalign.integrate.rebase import replay
from gitalign.integrate.reproduce import reproduce_steps, settled_on_the_way
from gitalign.ports import CancelToken

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
    line: FirstParentChain, branch: Oid, twins: Mapping[Oid, Sequence[Oid]], *, stride: int
) -> tuple[Stop, ...]:
    """Where an iterative rebase stops by, oldest first; the last one is the target's tip.

    The first is at or above the commit by which the line came to have all that branch and target have in common: below that, more than
    the branch's own commits would have to be replayed.

    Args:
        line: of the target.
        branch: tip of the branch.
        twins: own commit -> commits of the target with the same patch.
        stride: commits of the line to a step; more where `MOST_STEPS` would not do.
    """
    joined = line.joined(branch)
    stride = max(stride, -(-joined // MOST_STEPS))
    places = [*range(joined - stride, 0, -stride), 0]
    found: list[Stop] = []
    for place in places:
        upstream = {
            oid: there[0]
            for oid, others in twins.items()
            if (there := [other for other in others if line.has_at(place, other)])
        }
        found.append(Stop(line.commits[place], upstream))
    return tuple(found)


def iterate(
    step: Step,
    *,
    stops: Sequence[Stop],
    picks: Sequence[Oid],
    merges: Sequence[Oid],
    lane: MergeWorker,
    rewrites: Rewrites,
    passing: Rewrites,
    rules: ReplayRules,
    cancel: CancelToken,
) -> Outcome:
    """Replay the own commits of a branch onto its target, step by step.

    Args:
        step: the branch.
        stops: as `stops_along` gives them.
        picks: own commits that are no merges, in git's order.
        merges: own merge commits; they are reported as flattened.
        lane: the worker's processes.
        rewrites: commits other branches have rewritten already.
        passing: the same for commits on the way, which nobody signs.
        rules: committer, signing, resolutions.
        cancel: asked between commits.

    Returns:
        Aligned, Conflicted or Refused; a broken world is an exception.
    """
    originals = dict(zip(picks, lane.read(picks), strict=True))
    now: dict[Oid, Oid] = {oid: oid for oid in picks}
    dropped: list[Dropped] = []
    emptied: list[tuple[Oid, Oid]] = []
    resolved: list[AppliedResolution] = []
    last: Aligned | None = None
    for number, stop in enumerate(stops, 1):
        is_last = number == len(stops)
        old_of = {new: old for old, new in now.items()}
        outcome = replay(
            replace(step, onto=stop.commit),
            picks=list(now.values()),
            merges=merges if is_last else (),
            upstream={now[oid]: twin for oid, twin in stop.upstream.items() if oid in now},
            lane=lane,
            rewrites=rewrites if is_last else passing,
            rules=rules if is_last else replace(rules, signer=None),
            cancel=cancel,
            under=step.onto,
            called=old_of,
            reproduce=partial(
                reproduce_steps, step, [one.commit for one in stops[:number]], settled_on_the_way(resolved)
            ),
        )
        if isinstance(outcome, Conflicted):
            return replace(
                outcome,
                onto=step.onto,
                on_the_way=None if is_last else stop.commit,
            )
        if not isinstance(outcome, Aligned):
            return outcome
        for drop in outcome.dropped:
            old = old_of.get(drop.oid, drop.oid)
            dropped.append(replace(drop, oid=old))
            if drop.reason is DropReason.BECAME_EMPTY and not is_last:
                emptied.append((old, stop.commit))
        resolved += outcome.resolved
        now = {old_of[pair.old]: pair.new for pair in outcome.rewritten}
        last = outcome
    assert last is not None
    findings: list[Finding] = []
    for oid, where in emptied:
        found = _given_up(step, oid, where, lane=lane)
        if isinstance(found, Refused):
            return found
        findings += [found] if found is not None else []
    finals = lane.read(list(now.values()))
    return replace(
        last,
        how=AlignedKind.REPLAYED if now else nothing_left(dropped),
        before=step.seen,
        onto=step.onto,
        rewritten=tuple(Rewrite(old=old, new=new) for old, new in now.items()),
        dropped=tuple(dropped),
        unsigned=sum(originals[old].is_signed and not made.is_signed for old, made in zip(now, finals, strict=True)),
        resolved=tuple(resolved),
        findings=(*findings_of_resolutions(resolved), *emptied_as_findings(dropped, resolved), *findings),
    )


def _given_up(step: Step, oid: Oid, where: Oid, *, lane: MergeWorker) -> Finding | Refused | None:
    """What is to be said of a commit that became empty on the way: does the target's tip still have its change?

    Where git cannot tell, whoever asked for steps is told; whoever asked for whatever works is not given a result without the commit.
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
