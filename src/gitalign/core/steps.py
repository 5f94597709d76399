"""What kind of step a branch needs, from the shape of its history. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gitalign.core.branch import Branch
from gitalign.core.exclusions import Exclusion
from gitalign.core.graph import CommitGraph
from gitalign.core.integration_branches import IntegrationBranches, Place
from gitalign.core.names import BranchName, Oid, StepId, display
from gitalign.core.own_commits import OwnCommits
from gitalign.core.plan import Step, StepKind, Target
from gitalign.core.policy import AlreadyMerged, MergesPolicy, Policy, Strategy
from gitalign.core.push import PushPlace
from gitalign.core.strategies import policy_for

_BY_STRATEGY = frozenset({StepKind.REPLAY, StepKind.RECREATE, StepKind.MERGE, StepKind.INTEGRATE})
_MERGING = frozenset({Strategy.MERGE, Strategy.INTEGRATION_BRANCH})
"""Strategies to which merges among a branch's own commits make no difference."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A branch that takes part.

    Attributes:
        checkout: path of the work tree that holds it.
        metrics: numbers the branch list gives.
        held: why it cannot move, where that depends on whether its strategy moves it.
    """

    branch: Branch
    target: Target
    tip: Oid
    checkout: str | None
    metrics: tuple[tuple[str, float], ...] = ()
    held: Exclusion | None = None


def counted(count: int, thing: str) -> str:
    """A number of things in words."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def step_of(
    one: Chosen,
    graph: CommitGraph,
    policy: Policy,
    integrations: IntegrationBranches,
    push_place: Callable[[BranchName], PushPlace | None],
) -> Step:
    """The step of a branch, as yet without place and stack.

    Args:
        one: the branch.
        graph: history behind it and its target.
        policy: of the run.
        integrations: of the snapshot.
        push_place: where a branch is pushed; None unless a push was asked for.
    """
    decision = _decide(one, graph, policy, integrations)
    kind, own, place = decision.kind, decision.own, decision.place
    notes = list(decision.notes)
    strategy = Strategy.MERGE if kind is StepKind.MERGE else decision.policy.strategy
    push_to = push_place(one.branch.name if place is None else place.branch)
    if push_to is not None and decision.refusal is None:
        notes += _push_note(kind, push_to)
    return Step(
        id=StepId(0),
        branch=one.branch,
        target=one.target,
        kind=kind,
        strategy=strategy,
        step_size=decision.policy.stride_under(strategy) if kind is StepKind.REPLAY else 0,
        seen=one.tip,
        onto=one.target.oid,
        own_commits=own.count if own else 0,
        behind=decision.behind,
        merges=len(own.merges) if own else 0,
        stack=0,
        notes=tuple(notes),
        refusal=decision.refusal,
        remote_seen=push_to.tip if push_to is not None and not push_to.held else None,
        push_to=push_to,
        checkout=one.checkout,
        integration=place.branch if place is not None else None,
        integration_seen=place.seen if place is not None else None,
        integration_by_shape=place is not None and place.by_shape,
    )


_Kind = tuple[StepKind, list[str], tuple[str, str] | None]
"""Kind of the step, notes, and the refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """What a branch needs.

    Attributes:
        policy: of this branch.
        own, behind: how branch and target differ; None and 0 where history cannot be read.
        place: its integration branch; None under other strategies.
    """

    kind: StepKind
    policy: Policy
    own: OwnCommits | None = None
    behind: int = 0
    place: Place | None = None
    notes: tuple[str, ...] = ()
    refusal: tuple[str, str] | None = None


def _decide(one: Chosen, graph: CommitGraph, policy: Policy, integrations: IntegrationBranches) -> _Decision:
    if one.tip not in graph or one.target.oid not in graph:
        fault = graph.unreadable.get(one.tip) or graph.unreadable.get(one.target.oid) or "its history cannot be read"
        return _Decision(kind=StepKind.REPLAY, policy=policy, refusal=("missing_object", fault[:500]))
    own = graph.own(one.tip, one.target.oid)
    behind = graph.behind_count(one.tip, one.target.oid)
    numbers = {**dict(one.metrics), "own_commits": own.count, "behind": behind, "merges": len(own.merges)}
    policy, why = policy_for(one.branch, policy, numbers=numbers)
    place: Place | None = None
    if policy.strategy is Strategy.INTEGRATION_BRANCH:
        place = integrations.place_for(one.branch.name, seen=one.tip, onto=one.target.oid)
    kind, notes, refusal = _kind(own, behind, one.target, policy, place)
    if why and kind in _BY_STRATEGY:
        notes = [why, *notes]
    if "tag:needs_decision" in one.branch.tags:
        notes = [f"the branch list is not sure of {display(one.target.name)}: a person should decide", *notes]
    return _Decision(kind=kind, policy=policy, own=own, behind=behind, place=place, notes=tuple(notes), refusal=refusal)


def _kind(own: OwnCommits, behind: int, target: Target, policy: Policy, place: Place | None) -> _Kind:
    if not own.count:
        return _kind_without_commits(behind, policy, place)
    merges = len(own.merges)
    named = [f"contains {counted(merges, 'merge')}"] if merges and policy.strategy not in _MERGING else []
    merges_policy = policy.merges_under(policy.strategy)
    flattened = bool(named) and merges_policy is MergesPolicy.FLATTEN
    # git rebase, too, leaves a branch that stands on its target alone, but only when its history is linear
    # (builtin/rebase.c, can_fast_forward).
    if place is None and not behind and not flattened:
        return StepKind.UP_TO_DATE, named, None
    if own.hits_shallow:
        words = "history is cut off before branch and target meet (shallow clone), so the base is not known"
        return StepKind.REPLAY, named, ("needs_deepening", words)
    if not own.bases:
        return StepKind.REPLAY, named, ("unrelated_history", f"shares no commit with {display(target.name)}")
    if place is not None:
        return _integration(place, target)
    if policy.strategy is Strategy.MERGE:
        return StepKind.MERGE, [], None
    if not named:
        return StepKind.REPLAY, [], None
    return _kind_with_merges(named[0], merges_policy)


def _kind_without_commits(behind: int, policy: Policy, place: Place | None) -> _Kind:
    merged = "already merged: every commit is in the target"
    if not behind:
        return StepKind.UP_TO_DATE, ["stands at the target's tip"], None
    if place is not None:
        return StepKind.LEAVE, [f"{merged}; there is nothing to integrate"], None
    if policy.already_merged is AlreadyMerged.LEAVE:
        return StepKind.LEAVE, [merged], None
    return StepKind.FAST_FORWARD, [f"{merged}; moves to the target's tip"], None


def _kind_with_merges(named: str, merges_policy: MergesPolicy) -> _Kind:
    match merges_policy:
        case MergesPolicy.FLATTEN:
            return StepKind.REPLAY, [f"{named}: they are flattened, as git rebase does"], None
        case MergesPolicy.RECREATE:
            note = f"{named}: they are made again on the target, with what was decided in them"
            return StepKind.RECREATE, [note], None
        case MergesPolicy.MERGE_INSTEAD:
            return StepKind.MERGE, [f"{named}: the target is merged in instead of rebasing"], None
        case MergesPolicy.REFUSE:
            return StepKind.REPLAY, [named], ("contains_merges", f"{named}, and alignment.merges is refuse")


def _push_note(kind: StepKind, place: PushPlace) -> list[str]:
    """Where a branch is pushed, or why not, for the plan."""
    if kind in (StepKind.UP_TO_DATE, StepKind.LEAVE) and place.unpushed is None:
        return []
    if place.held:
        return [f"not pushed: {place.held}"]
    if place.tip is None:
        return [f"not pushed: {place.words} does not exist"]
    return [f"is pushed to {place.words}" + (", which lacks what an earlier run made of it" if place.unpushed else "")]


def _integration(place: Place, target: Target) -> _Kind:
    name = display(place.branch)
    if place.is_done:
        return StepKind.UP_TO_DATE, [f"{name} holds it together with {display(target.name)}"], None
    verb = "is made" if place.seen is None else "moves"
    note = f"stays where it is; {name} {verb}: the merge of it into {display(target.name)}"
    return StepKind.INTEGRATE, [note] if place.refusal is None else [], place.refusal
