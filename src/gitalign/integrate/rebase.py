"""Replaying a branch onto its target, commit by commit, as `git rebase` does.

The rules, each checked against git itself in the differential tests:

* commits are picked in git's order, merges left out (`git help rebase`; only branches whose policy allows it come here);
* a commit whose patch the target has already is skipped (`--cherry-pick`, shared patch-id index);
* a commit that already sits on the growing result stays as it is (git's fast-forward of a pick);
* a commit that becomes empty is dropped, one that was empty from the start is kept (`--empty=drop`, t3424).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gitalign.core.names import Oid
from gitalign.core.outcome import AlignedKind, Conflicted, DropReason, Outcome
from gitalign.core.plan import Step
from gitalign.integrate.pick import Picker, Rewriting
from gitalign.integrate.reproduce import Earlier, reproduce_rebase, resolved_on_the_way
from gitalign.integrate.squashed import commits_above


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """The own commits of a branch.

    Attributes:
        picks: those that are no merges, in git's order.
        merges: merge commits; they are reported as flattened.
        upstream: own commit -> commit of the target with the same patch.
    """

    picks: Sequence[Oid]
    merges: Sequence[Oid]
    upstream: Mapping[Oid, Oid]


def replay(
    step: Step,
    own: Picks,
    work: Rewriting,
    *,
    attributes_from: Oid | None = None,
    display_ids: Mapping[Oid, Oid] | None = None,
    reproduce: Callable[[Sequence[Earlier], Oid], tuple[str, ...]] | None = None,
) -> Outcome:
    """Replay the own commits of a branch onto its target.

    Args:
        step: the branch.
        own: its commits.
        work: with what they are rewritten.
        attributes_from: the commit under whose attributes merges are made; None for what the branch is put onto.
        display_ids: commits that go by the id of another one in what is reported, which people know.
        reproduce: the commands that lead to a stop, of commits settled before it and the one that stopped; None for a plain rebase's.

    Returns:
        Aligned, Conflicted or Refused; a broken world is an exception.
    """
    picks, upstream, lane = own.picks, own.upstream, work.lane
    todo = [oid for oid in picks if oid not in upstream]
    commits = dict(zip(picks, lane.read(picks), strict=True))
    picker = Picker(
        step,
        work,
        total=len(todo),
        attributes_from=attributes_from,
        display_ids=display_ids,
        commits_above=lambda oid: commits_above(oid, picks, commits, display_ids or {}),
    )
    for oid in picks:
        if oid in upstream:
            picker.drop(oid, commits[oid], DropReason.UPSTREAM, upstream=upstream[oid])
    for oid, commit in zip(own.merges, lane.read(own.merges), strict=True):
        picker.drop(oid, commit, DropReason.MERGE_FLATTENED)
    tip = lane.side(step.onto)
    for position, oid in enumerate(todo, start=1):
        if stop := picker.refusal(oid, commits[oid], position=position):
            return stop
        picked = picker.pick(oid, commits[oid], tip, position=position)
        if isinstance(picked, Conflicted):
            tell = reproduce or partial(reproduce_rebase, step)
            return replace(
                picked, reproduce=tell(resolved_on_the_way(picker.resolved), (display_ids or {}).get(oid, oid))
            )
        tip = picked
    return picker.aligned(tip, AlignedKind.REPLAYED)
