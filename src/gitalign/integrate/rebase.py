"""Replaying a branch onto its target, commit by commit, as `git rebase` does.

The rules, each checked against git itself in the differential tests:

* commits are picked in git's order, merges left out (`git help rebase`; only branches whose policy allows it come here);
* a commit whose patch the target has already is skipped (`--cherry-pick`, shared patch-id index);
* a commit that already sits on the growing result stays as it is (git's fast-forward of a pick);
* a commit that becomes empty is dropped, one that was empty from the start is kept (`--empty=drop`, t3424).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.commit import RawCommit, commit_id, rewritten, serialise
from gitalign.core.names import Oid
from gitalign.core.outcome import (
    Aligned,
    AlignedKind,
    AppliedResolution,
    Cancelled,
    Conflicted,
    Dropped,
    DropReason,
    Failed,
    Outcome,
    Refused,
    Rewrite,
    told_as_findings,
)
from gitalign.core.plan import Step
from gitalign.errors import InvariantBroken
from gitalign.git.merge import MergeAnswer, Side, with_side_names
from gitalign.git.signing import Signer
from gitalign.integrate.lane import Lane, Rewrites, Unsettled
from gitalign.integrate.reproduce import reproduce_rebase
from gitalign.integrate.settle import Settled, settle
from gitalign.ports import CancelToken, ConflictResolver

_NOTHING: tuple[AppliedResolution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRules:
    """What a replay needs to know beside its branch.

    Attributes:
        operator: author and committer value of commits made for the operator.
        committer: committer value of rewritten commits, None to keep each one's own.
        signer: signs rewritten commits, None leaves them unsigned.
        resolver: settles conflicts that are known from before, None leaves all of them to people.
    """

    operator: bytes
    committer: bytes | None
    signer: Signer | None
    resolver: ConflictResolver | None = None


def replay(
    step: Step,
    *,
    picks: Sequence[Oid],
    merges: Sequence[Oid],
    upstream: Mapping[Oid, Oid],
    lane: Lane,
    rewrites: Rewrites,
    rules: ReplayRules,
    cancel: CancelToken,
) -> Outcome:
    """Replay the own commits of a branch onto its target.

    Args:
        step: the branch.
        picks: own commits that are no merges, in git's order.
        merges: own merge commits; they are reported as flattened.
        upstream: own commit -> commit of the target with the same patch.
        lane: the worker's processes.
        rewrites: commits other branches have rewritten already.
        rules: committer and signing.
        cancel: asked between commits.

    Returns:
        Aligned, Conflicted or Refused; a broken world is an exception.
    """
    todo = [oid for oid in picks if oid not in upstream]
    commits = dict(zip(picks, lane.read(picks), strict=True))
    dropped = [
        Dropped(oid=oid, reason=DropReason.UPSTREAM, subject=commits[oid].subject, upstream=upstream[oid])
        for oid in picks
        if oid in upstream
    ]
    dropped += [
        Dropped(oid=oid, reason=DropReason.MERGE_FLATTENED, subject=commit.subject)
        for oid, commit in zip(merges, lane.read(merges), strict=True)
    ]
    tip = lane.side(step.onto)
    kept: list[Rewrite] = []
    unwritten: list[tuple[Oid, RawCommit]] = []
    resolved: list[AppliedResolution] = []
    unsigned = 0
    for position, oid in enumerate(todo, start=1):
        if cancel.is_cancelled:
            return Cancelled(reason="the run was stopped while this branch was under way")
        if time.monotonic() > cancel.deadline:
            return Failed(
                code="branch_timed_out",
                reason=f"its time was up at commit {position} of {len(todo)}",
                hint="raise branch_alignment_timeout_seconds",
            )
        commit = commits[oid]
        if foreign := commit.foreign_conflict:
            return Refused(
                code="foreign_conflict",
                reason=f"commit {oid[:12]} ({commit.subject}) carries the header {foreign}: another tool keeps an unresolved conflict in it",
                hint="resolve it with the tool that made it",
            )
        if commit.parents and commit.parents[0] == tip.commit:
            kept.append(Rewrite(old=oid, new=oid))
            tip = Side(commit.tree, oid, commit.parents)
            continue
        assert tip.commit is not None
        place = (oid, tip.commit)
        if place not in rewrites.replayed:
            base = lane.side(commit.parents[0]) if commit.parents else None
            answer = lane.merge(step.onto, base=base, ours=tip, theirs=Side(commit.tree, oid, commit.parents))
            tree, applied = answer.tree, _NOTHING
            if not answer.is_clean:
                settled = rewrites.unsettled.get(place) or _settled(step, oid, answer, lane, rules)
                if isinstance(settled, Unsettled):
                    rewrites.unsettled[place] = settled
                    return _stopped(step, oid, commit, answer, settled, position=position, total=len(todo))
                tree, applied = settled.tree, settled.applied
            was_empty = base is not None and base.tree == commit.tree
            with rewrites.lock:
                if place not in rewrites.replayed:
                    rewrites.resolved[place] = applied
                    rewrites.replayed[place] = (
                        None
                        if tree == tip.tree and not was_empty
                        else _remake(commit, tree, tip.commit, rules, lane.object_format)
                    )
        made = rewrites.replayed[place]
        resolved += rewrites.resolved[place]
        if made is None:
            dropped.append(Dropped(oid=oid, reason=DropReason.BECAME_EMPTY, subject=commit.subject))
            continue
        new_oid, new_commit = made
        if commit.is_signed and not new_commit.is_signed:
            unsigned += 1
        kept.append(Rewrite(old=oid, new=new_oid))
        unwritten.append((new_oid, new_commit))
        tip = Side(new_commit.tree, new_oid, new_commit.parents)
    _write(lane, rewrites, unwritten)
    assert tip.commit is not None
    return Aligned(
        how=AlignedKind.REPLAYED if kept else AlignedKind.FAST_FORWARDED,
        before=step.seen,
        after=tip.commit,
        onto=step.onto,
        tree=tip.tree,
        rewritten=tuple(kept),
        dropped=tuple(dropped),
        unsigned=unsigned,
        resolved=tuple(resolved),
        findings=told_as_findings(resolved),
    )


def _settled(step: Step, oid: Oid, answer: MergeAnswer, lane: Lane, rules: ReplayRules) -> Settled | Unsettled:
    if rules.resolver is None:
        return Unsettled()
    return settle(answer, target=step.onto, commit=oid, lane=lane, resolver=rules.resolver)


def _remake(commit: RawCommit, tree: Oid, parent: Oid, rules: ReplayRules, object_format: str) -> tuple[Oid, RawCommit]:
    made = rewritten(commit, tree=tree, parents=(parent,), committer=rules.committer)
    if rules.signer is not None:
        made = rules.signer.sign(made)
    return commit_id(serialise(made), object_format=object_format), made


def _write(lane: Lane, rewrites: Rewrites, commits: Sequence[tuple[Oid, RawCommit]]) -> None:
    """Write what no other branch has written; ids are known only once they are in the quarantine."""
    missing = [(oid, commit) for oid, commit in commits if oid not in rewrites.written]
    if not missing:
        return
    answered = lane.write([commit for _, commit in missing])
    if answered != [oid for oid, _ in missing]:
        raise InvariantBroken("a rewritten commit got another id than reckoned")
    rewrites.written.update(answered)


def _stopped(
    step: Step, oid: Oid, commit: RawCommit, answer: MergeAnswer, unsettled: Unsettled, *, position: int, total: int
) -> Conflicted:
    answer = with_side_names(answer, ours="HEAD", theirs=f"{oid[:7]} ({commit.subject})")
    return Conflicted(
        commit=oid,
        subject=commit.subject,
        position=position,
        total=total,
        onto=step.onto,
        conflicts=answer.conflicts,
        entries=answer.entries,
        reproduce=reproduce_rebase(step),
        known_resolutions=unsettled.known,
        undecided=unsettled.undecided,
    )
