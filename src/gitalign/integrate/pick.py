"""Putting the commits of one branch on a growing result, one at a time, as `git cherry-pick` inside a rebase does.

Shared by every strategy that rewrites commits; the order, and what stands on what, is theirs to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.commit import RawCommit, commit_id, rewritten, serialise
from gitalign.core.conflict import AppliedResolution, findings_of_resolutions
from gitalign.core.emptied import emptied_as_findings
from gitalign.core.names import Oid
from gitalign.core.outcome import (
    Aligned,
    AlignedKind,
    Cancelled,
    Conflicted,
    Dropped,
    DropReason,
    Failed,
    Outcome,
    Refused,
    Rewrite,
)
from gitalign.core.plan import Step
from gitalign.errors import InvariantBroken
from gitalign.git.merge import MergeAnswer, Side, names_sides, with_side_names
from gitalign.git.signing import Signer
from gitalign.integrate.auto_resolve import MergePlace, ResolvedMerge, Resolvers, auto_resolve
from gitalign.integrate.lane import MergeWorker, Rewrites, Rewritten, UnresolvedMerge
from gitalign.integrate.squashed import CommitsAbove
from gitalign.ports import CancelToken, ConflictResolver, MergeResolverMaker, Regenerator

_NOTHING: tuple[AppliedResolution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRules:
    """What rewriting commits needs to know beside its branch.

    Attributes:
        operator: author and committer value of commits made for the operator.
        committer: committer value of rewritten commits, None to keep each one's own.
        signer: signs rewritten commits, None leaves them unsigned.
        resolver: settles conflicts without a person, None leaves all of them to people.
        regenerator: makes files again that are made from others.
        squash_merged: whether a conflict may be settled by what the branch itself had further up (`squashed`).
        teacher: lets a merge that is made again be settled as the old one was, None leaves that to people.
    """

    operator: bytes
    committer: bytes | None
    signer: Signer | None
    resolver: ConflictResolver | None = None
    regenerator: Regenerator | None = None
    teacher: MergeResolverMaker | None = None
    squash_merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """With what the commits of a branch are rewritten.

    Attributes:
        lane: the worker's processes.
        rewrites: commits other branches have rewritten already.
        rules: committer, signing, resolutions.
        cancel: asked between commits.
    """

    lane: MergeWorker
    rewrites: Rewrites
    rules: ReplayRules
    cancel: CancelToken


def nothing_left(dropped: Sequence[Dropped]) -> AlignedKind:
    """What to call a result that holds no commit of the branch."""
    return AlignedKind.EMPTIED if dropped else AlignedKind.FAST_FORWARDED


class Picker:
    """The result of one branch while it grows.

    Args:
        step: the branch, and what it is put onto.
        work: with what its commits are rewritten.
        total: commits to be put there.
        attributes_from: the commit under whose attributes merges are made; None for what the branch is put onto.
        display_ids: commits that go by the id of another one, which people know.
        commits_above: what stands on a commit of the branch, for the rung `squash_merged`.
    """

    def __init__(
        self,
        step: Step,
        work: Rewriting,
        *,
        total: int,
        attributes_from: Oid | None = None,
        display_ids: Mapping[Oid, Oid] | None = None,
        commits_above: Callable[[Oid], CommitsAbove] | None = None,
    ) -> None:
        self.step = step
        self.lane = work.lane
        self.rewrites = work.rewrites
        self.rules = work.rules
        self.attributes_from = attributes_from or step.onto
        self.dropped: list[Dropped] = []
        self.kept: list[Rewrite] = []
        self._display_ids = display_ids or {}
        self._line_after = commits_above if work.rules.squash_merged else None
        self._alone = Rewrites()
        self._cancel = work.cancel
        self._total = total
        self._unwritten: list[tuple[Rewrites, Oid]] = []
        self.resolved: list[AppliedResolution] = []
        self._unsigned = 0

    def refusal(self, oid: Oid, commit: RawCommit, *, position: int) -> Outcome | None:
        """Why no further commit is put there: stopped, out of time, or a commit that is none yet."""
        if self._cancel.is_cancelled:
            return Cancelled(reason="the run was stopped while this branch was under way")
        if time.monotonic() > self._cancel.deadline:
            return Failed(
                code="branch_timed_out",
                reason=f"its time was up at commit {position} of {self._total}",
                hint="raise branch_alignment_timeout_seconds",
            )
        if foreign := commit.foreign_conflict:
            return Refused(
                code="foreign_conflict",
                reason=f"commit {self._display_ids.get(oid, oid)[:12]} ({commit.subject}) carries the header {foreign}: another tool keeps an unresolved conflict in it",
                hint="resolve it with the tool that made it",
            )
        return None

    def keep(self, oid: Oid, commit: RawCommit) -> Side:
        """A commit that already stands where it is to stand."""
        self.kept.append(Rewrite(old=oid, new=oid))
        return Side(commit.tree, oid, commit.parents)

    def drop(
        self, oid: Oid, commit: RawCommit, reason: DropReason = DropReason.BECAME_EMPTY, *, upstream: Oid | None = None
    ) -> None:
        """A commit that is not in the result."""
        self.dropped.append(Dropped(oid=oid, reason=reason, subject=commit.subject, upstream=upstream))

    def pick(self, oid: Oid, commit: RawCommit, tip: Side, *, position: int) -> Side | Conflicted:
        """Put a commit with at most one parent on the result so far.

        Returns:
            The new end of the result, the old one when the commit became empty; or the conflict.
        """
        if commit.parents and commit.parents[0] == tip.commit:
            return self.keep(oid, commit)
        assert tip.commit is not None
        place = (oid, tip.commit)
        if place not in self.rewrites.replayed:
            base = self.lane.side(commit.parents[0]) if commit.parents else None
            answer = self.lane.merge(
                self.attributes_from, base=base, ours=tip, theirs=Side(commit.tree, oid, commit.parents)
            )
            tree, applied = answer.tree, _NOTHING
            into = self.rewrites
            if not answer.is_clean:
                line = self._line_after(oid) if self._line_after is not None else None
                if line:
                    # What stands above the commit decides, and that is another matter in another branch.
                    into = self._alone
                auto_resolved = into.unsettled.get(place) or self.auto_resolved(oid, commit, answer, line=line)
                if isinstance(auto_resolved, UnresolvedMerge):
                    into.unsettled[place] = auto_resolved
                    return self.stopped(oid, commit, answer, auto_resolved, position=position)
                tree, applied = auto_resolved.tree, auto_resolved.applied
            was_empty = base is not None and base.tree == commit.tree
            is_dropped = tree == tip.tree and not was_empty
            self.remake(place, commit, None if is_dropped else tree, applied, into=into)
            return self.take(place, commit, of=into) or tip
        return self.take(place, commit) or tip

    def auto_resolved(
        self,
        oid: Oid,
        commit: RawCommit,
        answer: MergeAnswer,
        *,
        resolver: ConflictResolver | None = None,
        line: CommitsAbove | None = None,
    ) -> ResolvedMerge | UnresolvedMerge:
        """What is known from before of a merge that is not clean.

        Args:
            oid, commit: of the branch.
            answer: of git.
            resolver: another one than the rules have.
            line: of the branch, beyond the commit, as `auto_resolve` takes it.
        """
        asked = resolver or self.rules.resolver
        if asked is None:
            return UnresolvedMerge()
        return auto_resolve(
            answer,
            self.step,
            MergePlace(
                attributes_from=self.attributes_from, commit=self._display_ids.get(oid, oid), subject=commit.subject
            ),
            Resolvers(resolver=asked, regenerator=self.rules.regenerator, people=self.rules.resolver),
            self.lane,
            line=line,
        )

    def remake(
        self,
        place: tuple[Oid, ...],
        commit: RawCommit,
        tree: Oid | None,
        applied: Sequence[AppliedResolution] = (),
        *,
        into: Rewrites | None = None,
    ) -> None:
        """Make a commit again unless another branch has, so that all share one: (old commit, new parents) says where.

        Args:
            place: the old id, then the new parents.
            commit: the old one.
            tree: of the new one, None when nothing of it is left.
            applied: resolutions that went into the tree.
            into: where it is kept; None for what all branches share.
        """
        rewrites = into or self.rewrites
        with rewrites.lock:
            if place in rewrites.replayed:
                return
            if applied:
                rewrites.resolved[place] = tuple(applied)
            if tree is None:
                rewrites.replayed[place] = None
                return
            made = rewritten(commit, tree=tree, parents=place[1:], committer=self.rules.committer)
            if self.rules.signer is not None:
                made = self.rules.signer.sign(made)
            made_id = commit_id(serialise(made), object_format=self.lane.object_format)
            rewrites.unwritten[made_id] = made
            rewrites.replayed[place] = Rewritten(made_id, made.tree, made.is_signed)

    def take(self, place: tuple[Oid, ...], commit: RawCommit, *, of: Rewrites | None = None) -> Side | None:
        """Take what was made of a commit into the result; None when nothing of it was left."""
        rewrites = of or self.rewrites
        made = rewrites.replayed[place]
        self.resolved += rewrites.resolved.get(place, ())
        if made is None:
            self.drop(place[0], commit)
            return None
        if commit.is_signed and not made.is_signed:
            self._unsigned += 1
        self.kept.append(Rewrite(old=place[0], new=made.oid))
        self._unwritten.append((rewrites, made.oid))
        return Side(made.tree, made.oid, place[1:])

    def stopped(
        self, oid: Oid, commit: RawCommit, answer: MergeAnswer, unsettled: UnresolvedMerge, *, position: int
    ) -> Conflicted:
        """A commit that git cannot put there without a person; how to meet the same stop is for the caller to say."""
        oid = self._display_ids.get(oid, oid)
        if names_sides(answer):
            answer = with_side_names(answer, ours="HEAD", theirs=f"{self.lane.short(oid)} ({commit.subject})")
        return Conflicted(
            commit=oid,
            subject=commit.subject,
            position=position,
            total=self._total,
            onto=self.step.onto,
            conflicts=answer.conflicts,
            entries=answer.entries,
            known_resolutions=unsettled.known,
            unresolved=unsettled.unresolved,
        )

    def write(self) -> None:
        """Write what no other branch has written; ids are known only once they are in the quarantine.

        Raises:
            GitError, OutOfSpace
        """
        taken, self._unwritten = self._unwritten, []
        # Another branch that shares a commit may write it at the same time, which does no harm, or have written it.
        missing = [(oid, commit) for rewrites, oid in taken if (commit := rewrites.unwritten.get(oid)) is not None]
        if not missing:
            return
        answered = self.lane.write([commit for _, commit in missing])
        if answered != [oid for oid, _ in missing]:
            raise InvariantBroken("a rewritten commit got another id than reckoned")
        for rewrites, oid in taken:
            rewrites.unwritten.pop(oid, None)

    def aligned(self, tip: Side, how: AlignedKind) -> Aligned:
        """The result, written, when nothing more is to come."""
        self.write()
        assert tip.commit is not None
        return Aligned(
            how=how if self.kept else nothing_left(self.dropped),
            before=self.step.seen,
            after=tip.commit,
            onto=self.step.onto,
            tree=tip.tree,
            rewritten=tuple(self.kept),
            dropped=tuple(self.dropped),
            unsigned=self._unsigned,
            resolved=tuple(self.resolved),
            findings=findings_of_resolutions(self.resolved) + emptied_as_findings(self.dropped, self.resolved),
        )
