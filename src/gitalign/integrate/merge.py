"""Merging a branch and its target, as `git merge` does while one of them is checked out."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.commit import commit_id, new_commit, serialise
from gitalign.core.conflict import AppliedResolution, findings_of_resolutions
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Outcome
from gitalign.core.plan import Step, StepKind
from gitalign.errors import InvariantBroken
from gitalign.git.merge import MergeAnswer, with_side_names
from gitalign.integrate.auto_resolve import MergePlace, ResolvedMerge, Resolvers, auto_resolve
from gitalign.integrate.lane import MergeWorker, UnresolvedMerge
from gitalign.integrate.pick import ReplayRules
from gitalign.integrate.reproduce import reproduce_integration, reproduce_merge
from gitalign.integrate.squashed import CommitsAbove


def merge_target(
    step: Step, lane: MergeWorker, *, bases: Sequence[Oid], rules: ReplayRules, line: CommitsAbove | None = None
) -> Outcome:
    """Merge the target into the branch: first parent the branch, second the target.

    For an integration branch it is the other way round: the branch is merged into the target, as `git merge --no-ff` does while
    the target is checked out.

    Args:
        step: the branch.
        lane: the worker's processes.
        bases: its merge bases with the target; several are left to git, which merges them first.
        rules: who merges, who signs, what settles conflicts without a person.
        line: commits of the branch in which the target's files may be found again; None for not to look.

    Returns:
        Aligned or Conflicted; a broken world is an exception.
    """
    is_integration = step.kind is StepKind.INTEGRATE
    ours, theirs = (step.onto, step.seen) if is_integration else (step.seen, step.onto)
    if len(bases) == 1:
        answer = lane.merge(step.onto, base=lane.side(bases[0]), ours=lane.side(ours), theirs=lane.side(theirs))
    else:
        answer = lane.merge_histories(step.onto, ours, theirs, bases=bases)
    tree, unsettled = answer.tree, UnresolvedMerge()
    resolved: tuple[AppliedResolution, ...] = ()
    if not answer.is_clean and rules.resolver is not None:
        auto_resolved = auto_resolve(
            answer,
            step,
            MergePlace(attributes_from=step.onto),
            Resolvers(resolver=rules.resolver, regenerator=rules.regenerator),
            lane,
            line=line,
        )
        if isinstance(auto_resolved, ResolvedMerge):
            tree, resolved = auto_resolved.tree, auto_resolved.applied
        else:
            unsettled = auto_resolved
    if not answer.is_clean and not resolved:
        return _stopped(step, answer, unsettled)
    message = integration_message(step) if is_integration else merge_message(step)
    commit = new_commit(
        tree=tree, parents=(ours, theirs), author=rules.operator, committer=rules.operator, message=message
    )
    if rules.signer is not None:
        commit = rules.signer.sign(commit)
    expected = commit_id(serialise(commit), object_format=lane.object_format)
    if lane.write([commit]) != [expected]:
        raise InvariantBroken("a merge commit got another id than reckoned")
    return Aligned(
        how=AlignedKind.INTEGRATED if is_integration else AlignedKind.MERGED,
        before=step.seen,
        after=expected,
        onto=step.onto,
        tree=tree,
        resolved=resolved,
        findings=findings_of_resolutions(resolved),
    )


def _stopped(step: Step, answer: MergeAnswer, unsettled: UnresolvedMerge) -> Conflicted:
    is_integration = step.kind is StepKind.INTEGRATE
    other = step.branch.name if is_integration else step.target.name
    answer = with_side_names(answer, ours="HEAD", theirs=other)
    return Conflicted(
        commit=None,
        position=1,
        total=1,
        onto=step.onto,
        conflicts=answer.conflicts,
        entries=answer.entries,
        reproduce=reproduce_integration(step) if is_integration else reproduce_merge(step),
        known_resolutions=unsettled.known,
        unresolved=unsettled.unresolved,
    )


def is_made_by_hand(step: Step, lane: MergeWorker) -> bool:
    """True when the integration branch of a step holds another tree than git's merge of its parents: a person decided in it.

    Args:
        step: whose integration branch is a merge.
        lane: the worker's processes.

    Raises:
        GitError, OutOfSpace
    """
    assert step.integration_seen is not None
    (made,) = lane.read([step.integration_seen])
    ours, theirs = made.parents
    bases = lane.bases(ours, theirs)
    if len(bases) == 1:
        answer = lane.merge(step.onto, base=lane.side(bases[0]), ours=lane.side(ours), theirs=lane.side(theirs))
    else:
        answer = lane.merge_histories(step.onto, ours, theirs)
    return not answer.is_clean or answer.tree != made.tree


def integration_message(step: Step) -> bytes:
    """The message `git merge` writes with the target checked out.

    Source: `git help config`, merge.suppressDest. Its documentation names `master` alone as what is not named; git does the same with
    `main` (measured: 2.39, 2.55).
    """
    into = "" if step.target.name in ("main", "master") else f" into {step.target.name}"
    return _in_utf8(f"Merge branch '{step.branch.name}'{into}\n")


def merge_message(step: Step) -> bytes:
    """The message `git merge` writes (`git help fmt-merge-msg`)."""
    if step.onto != step.target.oid:
        what = f"commit '{step.onto}'"
    elif step.target.ref.startswith("refs/remotes/"):
        what = f"remote-tracking branch '{step.target.ref.removeprefix('refs/remotes/')}'"
    else:
        what = f"branch '{step.target.name}'"
    return _in_utf8(f"Merge {what} into {step.branch.name}\n")


def _in_utf8(message: str) -> bytes:
    """A message as git writes it: bytes of names that are not UTF-8 are taken for Latin-1 (commit.c, verify_utf8)."""
    return "".join(chr(ord(char) - 0xDC00) if 0xDC80 <= ord(char) <= 0xDCFF else char for char in message).encode()
