"""What a session made, as the result of a branch: the branch's own commits with a person's trees, made and signed as a run does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitalign.core.commit import RawCommit, rewritten
from gitalign.core.manual_resolution import NotTheBranch, ResolutionSession, matched
from gitalign.core.names import Oid, command_on
from gitalign.core.outcome import (
    Aligned,
    AlignedKind,
    Dropped,
    DropReason,
    Rewrite,
    StepResult,
)
from gitalign.core.plan import Plan, Step
from gitalign.core.policy import CommitterPolicy
from gitalign.engine.gates.detection import Detection, Looked, outside_a_run
from gitalign.engine.gates.gate import held_to
from gitalign.engine.resolution.carrying import unasked
from gitalign.engine.run.session import OpenRepository, configured_plugins
from gitalign.errors import UserError
from gitalign.git.history import load_graph
from gitalign.git.identity import operator_ident
from gitalign.git.objects import read_commits
from gitalign.git.signing import configured_signer
from gitalign.git.trees import write_commit

Numbered = tuple[Oid, RawCommit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Commits that a session made of a branch.

    Attributes:
        pairs: which commit became which.
        dropped: commits that are not in the result.
        old, new: by id.
    """

    pairs: tuple[Rewrite, ...]
    dropped: tuple[Dropped, ...]
    old: dict[Oid, RawCommit]
    new: dict[Oid, RawCommit]


def made_of(opened: OpenRepository, step: Step, session: ResolutionSession, head: Oid) -> Made:
    """Match the commits of a result with those of the branch.

    Raises:
        UserError: the result is not the branch on its target.
        GitError
    """
    repository = opened.repository
    graph = load_graph(repository, [step.seen, step.onto, head])
    own, result = graph.own(step.seen, step.onto), graph.own(head, step.onto)
    if result.merges or graph.behind_count(head, step.onto):
        raise UserError(
            f"{head[:12]} does not stand on {step.target.name} in one line of commits",
            hint=f"{command_on('git align resolve --abort', session.branch)}   or put the branch there by hand: git branch -f",
        )
    old, new = (
        list(zip(picks, read_commits(repository.git, picks), strict=True)) for picks in (own.picks, result.picks)
    )
    try:
        pairs, dropped = matched(old, new)
    except NotTheBranch as error:
        raise UserError(
            f"{session.branch} cannot be moved there: {error}",
            hint=f"{command_on('git align resolve --abort', session.branch)}   closes this; git branch -f puts it there by hand",
        ) from error
    merges = zip(own.merges, read_commits(repository.git, own.merges), strict=True)
    flattened = [Dropped(oid=oid, reason=DropReason.MERGE_FLATTENED, subject=one.subject) for oid, one in merges]
    return Made(pairs=pairs, dropped=(*dropped, *flattened), old=dict(old), new=dict(new))


def differing(
    opened: OpenRepository, session: ResolutionSession, plan: Plan, step: Step, head: Oid
) -> tuple[Numbered, ...]:
    """Commits that became something else than a run would make of them, although no person was asked."""
    if session.is_merge:
        return ()
    made = made_of(opened, step, session, head)
    pairs = [((one.old, made.old[one.old]), (one.new, made.new[one.new])) for one in made.pairs]
    return tuple((oid, made.old[oid]) for oid in unasked(opened, session, plan, step, pairs))


def merged(opened: OpenRepository, step: Step, head: Oid) -> Aligned:
    """The merge a person made, signed where a run would sign it.

    Raises:
        UserError: it is not the merge that was begun.
        GitError: it cannot be signed.
    """
    repository = opened.repository
    (commit,) = read_commits(repository.git, [head])
    if commit.parents != (step.seen, step.onto):
        raise UserError(
            f"{head[:12]} is not the merge of {step.target.name} into {step.branch.name} that was begun",
            hint=f"{command_on('git align resolve --abort', step.branch.name)}   or put the branch there by hand: git branch -f",
        )
    signer = configured_signer(repository, committer=operator_ident(repository, at=opened.now()))
    if signer is not None and not commit.is_signed:
        head = write_commit(repository.git, signer.sign(commit))
    return Aligned(how=AlignedKind.MERGED, before=step.seen, after=head, onto=step.onto, tree=commit.tree)


def replayed(opened: OpenRepository, plan: Plan, step: Step, session: ResolutionSession, head: Oid) -> Aligned:
    """The person's commits under the branch's own authors and messages, byte for byte, as a run writes and signs them.

    Raises:
        UserError: the result is not the branch on its target.
        GitError: a commit cannot be signed.
    """
    repository = opened.repository
    made = made_of(opened, step, session, head)
    operator = operator_ident(repository, at=opened.now())
    committer = operator if plan.policy.committer is CommitterPolicy.OPERATOR else None
    signer = configured_signer(repository, committer=operator)
    at, unsigned = step.onto, 0
    rewrites: list[Rewrite] = []
    for pair in made.pairs:
        old = made.old[pair.old]
        if pair.new == pair.old and old.parents[:1] == (at,):  # it stood on the target already
            at = pair.new
        else:
            commit = rewritten(old, tree=made.new[pair.new].tree, parents=(at,), committer=committer)
            commit = signer.sign(commit) if signer is not None else commit
            unsigned += old.is_signed and not commit.is_signed
            at = write_commit(repository.git, commit)
        rewrites.append(replace(pair, new=at))
    return Aligned(
        how=AlignedKind.REPLAYED,
        before=step.seen,
        after=at,
        onto=step.onto,
        tree=_tree(opened, made, step),
        rewritten=tuple(rewrites),
        dropped=made.dropped,
        unsigned=unsigned,
    )


def _tree(opened: OpenRepository, made: Made, step: Step) -> Oid:
    if made.pairs:
        return made.new[made.pairs[-1].new].tree
    (target,) = read_commits(opened.repository.git, [step.onto])
    return target.tree


def named(commits: Sequence[Numbered]) -> str:
    """Commits in words, the first few."""
    shown = ", ".join(f"{oid[:12]} ({commit.subject})" for oid, commit in commits[:3])
    return shown + (f" and {len(commits) - 3} more" if len(commits) > 3 else "")


def result_of(opened: OpenRepository, plan: Plan, step: Step, session: ResolutionSession, head: Oid) -> StepResult:
    """The result of a branch whose session holds one, for a run: aligned, or failed where detection refuses it.

    Raises:
        UserError: the result is not the branch on its target.
        GitError: a commit cannot be signed.
    """
    aligned = merged(opened, step, head) if session.is_merge else replayed(opened, plan, step, session, head)
    result = StepResult(step_id=step.id, branch=step.branch.name, outcome=aligned)
    detection = Detection.of(
        configured_plugins(opened.config),
        timeout_s=opened.config.limits().detection_timeout_s,
        hint=f"mend it in {session.folder}, commit, and continue",
    )
    looked = Looked(
        branch=step.branch.name, target=step.target.name, before=step.seen, onto=step.onto, after=aligned.after
    )
    timeout_s = opened.config.limits().integration_timeout_s
    with outside_a_run(opened.repository, looked, timeout_s=timeout_s) as request:
        return held_to(result, detection.judge(request))
