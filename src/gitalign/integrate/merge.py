"""Merging the target into a branch, as `git merge` does while the branch is checked out."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.commit import commit_id, new_commit, serialise
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, AppliedResolution, Conflicted, Outcome, told_as_findings
from gitalign.core.plan import Step
from gitalign.errors import InvariantBroken
from gitalign.git.command import raw
from gitalign.git.merge import with_side_names
from gitalign.git.signing import Signer
from gitalign.integrate.lane import Lane, Unsettled
from gitalign.integrate.reproduce import reproduce_merge
from gitalign.integrate.settle import Settled, settle
from gitalign.integrate.squashed import Line
from gitalign.ports import ConflictResolver, Regenerator


def merge_target(
    step: Step,
    *,
    bases: Sequence[Oid],
    lane: Lane,
    author: bytes,
    signer: Signer | None,
    resolver: ConflictResolver | None = None,
    regenerator: Regenerator | None = None,
    line: Line | None = None,
) -> Outcome:
    """Merge the target into the branch: first parent the branch, second the target.

    Args:
        step: the branch.
        bases: its merge bases with the target; several are left to git, which merges them first.
        lane: the worker's processes.
        author: author and committer value of the merge commit.
        signer: signs it, None leaves it unsigned.
        resolver: settles conflicts without a person, None leaves all of them to people.
        regenerator: makes files anew that are made from others.
        line: commits of the branch in which the target's files may be found again; None for not to look.

    Returns:
        Aligned or Conflicted; a broken world is an exception.
    """
    if len(bases) == 1:
        answer = lane.merge(step.onto, base=lane.side(bases[0]), ours=lane.side(step.seen), theirs=lane.side(step.onto))
    else:
        answer = lane.merge_histories(step.onto, step.seen, step.onto)
    tree, unsettled = answer.tree, Unsettled()
    resolved: tuple[AppliedResolution, ...] = ()
    if not answer.is_clean and resolver is not None:
        settled = settle(
            answer,
            step,
            under=step.onto,
            commit=None,
            lane=lane,
            resolver=resolver,
            regenerator=regenerator,
            line=line,
        )
        if isinstance(settled, Settled):
            tree, resolved = settled.tree, settled.applied
        else:
            unsettled = settled
    if not answer.is_clean and not resolved:
        answer = with_side_names(answer, ours="HEAD", theirs=step.target.name)
        return Conflicted(
            commit=None,
            position=1,
            total=1,
            onto=step.onto,
            conflicts=answer.conflicts,
            entries=answer.entries,
            reproduce=reproduce_merge(step),
            known_resolutions=unsettled.known,
            undecided=unsettled.undecided,
        )
    commit = new_commit(
        tree=tree, parents=(step.seen, step.onto), author=author, committer=author, message=merge_message(step)
    )
    if signer is not None:
        commit = signer.sign(commit)
    expected = commit_id(serialise(commit), object_format=lane.object_format)
    if lane.write([commit]) != [expected]:
        raise InvariantBroken("a merge commit got another id than reckoned")
    return Aligned(
        how=AlignedKind.MERGED,
        before=step.seen,
        after=expected,
        onto=step.onto,
        tree=tree,
        resolved=resolved,
        findings=told_as_findings(resolved),
    )


def merge_message(step: Step) -> bytes:
    """The message `git merge` writes (`git help fmt-merge-msg`)."""
    if step.onto != step.target.oid:
        what = f"commit '{step.onto}'"
    elif step.target.ref.startswith("refs/remotes/"):
        what = f"remote-tracking branch '{step.target.ref.removeprefix('refs/remotes/')}'"
    else:
        what = f"branch '{step.target.name}'"
    return raw(f"Merge {what} into {step.branch.name}\n")
