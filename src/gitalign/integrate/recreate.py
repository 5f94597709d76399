"""Replaying a branch with its merges: each is made again on what its parents became, with what a person put into it kept.

What is picked, in which order, and what stands on what are as `git rebase --rebase-merges` has them (`core.images`); the
differential tests hold both against each other. git merges the new parents and forgets the rest of the old merge. Here the rest is
kept: what the merge commit has beyond the automatic merge of its old parents is carried over by a three-way merge of git's, on the
automatic merges before and now. Where git could not make the old merge by itself, the decision of the person who made it is taken
for the very same conflict and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from gitalign.core.commit import RawCommit
from gitalign.core.conflict import RESOLVED_IN_MERGE, AppliedResolution
from gitalign.core.images import Images, todo_order
from gitalign.core.names import Oid, display
from gitalign.core.outcome import AlignedKind, Conflicted, Dropped, DropReason, Outcome, Refused
from gitalign.core.own_commits import OwnCommits
from gitalign.core.plan import Step
from gitalign.core.policy import AutoResolver
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer, Side
from gitalign.integrate.auto_resolve import LARGEST_BYTES, ResolvedMerge, conflicted_files
from gitalign.integrate.carry import Foremost, decisions_alone, driven_path
from gitalign.integrate.lane import UnresolvedMerge
from gitalign.integrate.pick import Picker, Rewriting
from gitalign.integrate.reproduce import Earlier, reproduce_recreation
from gitalign.ports import ResolvedFile

_HAD_BY_THE_TARGET = (DropReason.UPSTREAM, DropReason.BECAME_EMPTY)


def recreate(step: Step, own: OwnCommits, work: Rewriting, *, upstream: Mapping[Oid, Oid]) -> Outcome:
    """Replay the own commits of a branch onto its target, merges among them.

    Args:
        step: the branch.
        own: its own commits.
        work: with what they are rewritten.
        upstream: own commit -> commit of the target with the same patch.

    Returns:
        Aligned, Conflicted or Refused; a broken world is an exception.
    """
    lane = work.lane
    commits = dict(zip(own.ordered, lane.read(own.ordered), strict=True))
    # A root has no parent to be left with, so it stays whatever the target has.
    skipped = {oid for oid in upstream if oid in commits and commits[oid].parents}
    picker = Picker(step, work, total=len(commits) - len(skipped))
    # git gives the name of the target to one merge base only (sequencer.c: the first of the range's boundary).
    bases = own.bases if len(own.bases) == 1 else lane.bases(step.onto, step.seen)
    return _Recreation(picker, commits, Images(bases[:1], step.onto)).carried_out(
        todo_order(own.ordered, lambda oid: commits[oid].parents), {oid: upstream[oid] for oid in skipped}
    )


@dataclass(frozen=True, slots=True)
class _Remade:
    """The tree of a merge that was made again.

    Attributes:
        is_carried: it holds something of the old merge that git would forget.
    """

    tree: Oid
    applied: tuple[AppliedResolution, ...] = ()
    is_carried: bool = False


class _At(NamedTuple):
    """A merge of the branch, and its place among the commits."""

    oid: Oid
    commit: RawCommit
    position: int


class _Recreation:
    """One branch under way."""

    def __init__(self, picker: Picker, commits: Mapping[Oid, RawCommit], images: Images) -> None:
        self._picker = picker
        self._lane = picker.lane
        self._commits = commits
        self._images = images
        self._sides: dict[Oid, Side] = {}
        self._earlier: list[Earlier] = []

    def carried_out(self, order: list[Oid], upstream: Mapping[Oid, Oid]) -> Outcome:
        picker, position = self._picker, 0
        for oid in order:
            commit = self._commits[oid]
            if oid in upstream:
                picker.drop(oid, commit, DropReason.UPSTREAM, upstream=upstream[oid])
                self._images.note(oid, self._images.of(commit.parents[0]))
                continue
            position += 1
            if stop := picker.refusal(oid, commit, position=position):
                return stop
            heads = tuple(map(self._images.of, commit.parents))
            made: Side | Outcome
            if heads == commit.parents:
                made = picker.keep(oid, commit)
            elif len(heads) == 1:
                auto_resolved = len(picker.resolved)
                made = picker.pick(oid, commit, self._side(heads[0]), position=position)
                if isinstance(made, Conflicted):
                    made = replace(made, reproduce=reproduce_recreation(picker.step, self._earlier, at=oid))
                elif len(picker.resolved) > auto_resolved:
                    self._earlier.append(Earlier(oid))
            else:
                made = self._merge(oid, commit, heads, position=position)
            if not isinstance(made, Side):
                return made
            assert made.commit is not None
            self._sides[made.commit] = made
            self._images.note(oid, made.commit)
        return picker.aligned(self._side(self._images.of(picker.step.seen)), AlignedKind.RECREATED)

    def _side(self, oid: Oid) -> Side:
        """A commit of the result, which may not have been written yet, or of the repository."""
        if oid not in self._sides:
            self._sides[oid] = self._lane.side(oid)
        return self._sides[oid]

    def _merge(self, oid: Oid, commit: RawCommit, heads: tuple[Oid, ...], *, position: int) -> Side | Outcome:
        if len(heads) > 2:
            return Refused(
                code="octopus_merge",
                reason=f"commit {oid[:12]} ({commit.subject}) merges {len(heads) - 1} branches at once, which is not made again",
                hint="choose --merges merge-instead, or --strategy merge",
            )
        self._picker.write()  # git looks for merge bases in what is written
        ours, theirs = heads
        if theirs in self._lane.bases(ours, theirs):
            return self._already_merged(oid, commit, ours)
        place = (oid, ours, theirs)
        if place not in self._picker.rewrites.replayed:
            made = self._remade(_At(oid, commit, position), self._automatic(ours, theirs))
            if not isinstance(made, _Remade):
                return made
            self._picker.remake(place, commit, made.tree, made.applied)
            if made.is_carried:
                self._picker.rewrites.carried.add(place)
        taken = self._picker.take(place, commit)
        assert taken is not None
        is_decided = place in self._picker.rewrites.resolved
        if is_decided or place in self._picker.rewrites.carried:
            self._earlier.append(Earlier(oid, stops=is_decided, is_merge=True))
        return taken

    def _already_merged(self, oid: Oid, commit: RawCommit, ours: Oid) -> Side | Outcome:
        """git makes no merge of what is there already. No one would hold what the old one had of its own then."""
        before = self._automatic(*commit.parents)
        if not before.is_clean or before.tree != commit.tree:
            return Refused(
                code="merge_collapsed",
                reason=f"what merge {oid[:12]} ({commit.subject}) merged is in the target already, and nothing is left to hold what the merge itself changed",
                hint="choose --merges merge-instead, or --strategy merge",
            )
        self._picker.drop(oid, commit, DropReason.ALREADY_MERGED)
        return self._side(ours)

    def _automatic(self, ours: Oid, theirs: Oid) -> MergeAnswer:
        """The merge git makes of two commits by itself."""
        bases = self._lane.bases(ours, theirs)
        if len(bases) > 1:
            return self._lane.merge_histories(self._picker.attributes_from, ours, theirs)
        base = self._side(bases[0]) if bases else None
        return self._lane.merge(
            self._picker.attributes_from, base=base, ours=self._side(ours), theirs=self._side(theirs)
        )

    def _remade(self, at: _At, now: MergeAnswer) -> _Remade | Conflicted | Refused:
        """The tree of the new merge: the automatic one, with what was settled or added by hand in the old one."""
        oid, commit = at.oid, at.commit
        before = self._automatic(*commit.parents)
        lessons = self._lessons(oid, commit, before)
        tree, unsettled = now.tree, UnresolvedMerge()
        applied: tuple[AppliedResolution, ...] = ()
        if not now.is_clean:
            auto_resolved = self._auto_resolve(oid, commit, now, lessons)
            if isinstance(auto_resolved, UnresolvedMerge):
                return self._stop(at, now, auto_resolved)
            tree, applied = auto_resolved.tree, auto_resolved.applied
        base = before.tree
        if not before.is_clean:
            named = {entry.path for entry in before.entries} | {p for one in before.conflicts for p in one.paths}
            here = {one.path for one in applied}
            if named != {one.path for one in lessons} or not self._same(lessons, tree, without=here):
                return self._stop(at, now, unsettled, carrying=before)
            alone = self._decisions(before, now, lessons, applied)
            if isinstance(alone, UnresolvedMerge):
                return self._stop(at, now, alone, carrying=before)
            base = self._lane.tree_with(base, alone)
        if base == commit.tree:
            return _Remade(tree, applied)
        if made_anew := [one.path for one in applied if one.resolver == AutoResolver.REGENERATE.value]:
            # It was made from files as they are without what is to be carried over.
            words = tuple(f"{path}: it would not fit what else merge {oid[:12]} holds" for path in made_anew)
            return self._stop(at, now, UnresolvedMerge(unresolved=words), carrying=before)
        carried = self._lane.merge(
            self._picker.attributes_from, base=Side(base), ours=Side(tree), theirs=Side(commit.tree)
        )
        if not carried.is_clean:
            stops = not now.is_clean
            return self._stop(at, carried, unsettled, carrying=before, stops=stops)
        if gone := self._taken_back(oid, commit, base):
            return Refused(
                code="merge_collapsed",
                reason=f"merge {oid[:12]} ({commit.subject}) changes what commit {gone.oid[:12]} ({gone.subject}) had changed, which is in the target already: what the target has would be undone",
                hint="choose --merges merge-instead, or --strategy merge",
            )
        if path := driven_path(base, tree, commit.tree, lane=self._lane, attributes_from=self._picker.attributes_from):
            return Refused(
                code="merge_driver",
                reason=f"what merge {oid[:12]} ({commit.subject}) holds of its own in {display(path)} is not carried over: the target has changed the file, too, and its attributes have it merged in a way of its own",
                hint="choose --merges merge-instead, or --strategy merge",
            )
        return _Remade(carried.tree, applied, is_carried=carried.tree != tree)

    def _taken_back(self, oid: Oid, commit: RawCommit, base: Oid) -> Dropped | None:
        """A commit below a merge that was dropped because the target has its change, where the merge may have taken that change back.

        What the merge took back would be taken back in the target, which is no one's decision (`-s ours` buries a side in the branch). A
        dropped commit is harmless where the merge changed none of its files, or plainly still has its change.
        """
        below, waiting = {oid}, [oid]
        while waiting:
            above = {one for one in self._commits[waiting.pop()].parents if one in self._commits} - below
            below |= above
            waiting += above
        dropped = [one for one in self._picker.dropped if one.oid in below and one.reason in _HAD_BY_THE_TARGET]
        changed = {change.path for change in self._lane.apart(base, commit.tree)} if dropped else set()
        merged = Side(commit.tree, oid, commit.parents)
        for one in dropped:
            gone = self._commits[one.oid]
            before = self._lane.side(gone.parents[0])
            if changed.isdisjoint(change.path for change in self._lane.apart(before.tree, gone.tree)):
                continue
            again = Side(gone.tree, one.oid, gone.parents)
            answer = self._lane.merge(self._picker.attributes_from, base=before, ours=merged, theirs=again)
            if not answer.is_clean or answer.tree != commit.tree:
                return one
        return None

    def _auto_resolve(
        self, oid: Oid, commit: RawCommit, now: MergeAnswer, lessons: list[ResolvedFile]
    ) -> ResolvedMerge | UnresolvedMerge:
        """As the old merge settled it, or else by what is on record."""
        teacher, fallback = self._picker.rules.teacher, self._picker.rules.resolver
        if lessons and teacher is not None:
            taught = teacher(lessons)
            asked = Foremost(taught, fallback) if fallback is not None else taught
            auto_resolved = self._picker.auto_resolved(oid, commit, now, resolver=asked)
            if isinstance(auto_resolved, ResolvedMerge):
                return auto_resolved
        return self._picker.auto_resolved(oid, commit, now)

    def _decisions(
        self,
        before: MergeAnswer,
        now: MergeAnswer,
        lessons: list[ResolvedFile],
        applied: tuple[AppliedResolution, ...],
    ) -> dict[str, tuple[str, bytes]] | UnresolvedMerge:
        """Path -> mode and content of what was settled in the old merge, without what else it holds there.

        Where the same settles it now, that is the file as it is: the whole of it was taken over already.
        """
        modes = conflicted_files(before)
        others = {one.path for one in applied if one.resolver not in (RESOLVED_IN_MERGE, AutoResolver.REGENERATE.value)}
        found: dict[str, tuple[str, bytes]] = {}
        for one in lessons:
            content: bytes | None = one.resolved
            if one.path in others:
                (marked,) = self._lane.files([raw(f"{now.tree}:{one.path}")], most_bytes=LARGEST_BYTES)
                content = decisions_alone(one, marked, self._lane) if marked is not None else None
            if content is None:
                reason = f"cannot separate merge {one.merge[:12]}'s own changes from its conflict resolution"
                return UnresolvedMerge(unresolved=(f"{one.path}: {reason}",))
            found[one.path] = (modes[one.path], content)
        return found

    def _lessons(self, oid: Oid, commit: RawCommit, before: MergeAnswer) -> list[ResolvedFile]:
        """Files whose contents git could not merge the first time, with what the merge commit has there."""
        paths = [] if before.is_clean else list(conflicted_files(before))
        if not paths:
            return []
        marked, auto_resolved = (
            self._lane.files([raw(f"{tree}:{path}") for path in paths], most_bytes=LARGEST_BYTES)
            for tree in (before.tree, commit.tree)
        )
        merged = self._lane.merged_as(self._picker.attributes_from, paths)
        return [
            ResolvedFile(merge=oid, path=path, marked=was, resolved=now, marker_size=merged[path].marker_size)
            for path, was, now in zip(paths, marked, auto_resolved, strict=True)
            if was is not None and now is not None
        ]

    def _same(self, lessons: list[ResolvedFile], tree: Oid, *, without: set[str]) -> bool:
        """Whether git makes by itself now what was made by hand then, at all paths that no resolution was applied to."""
        asked = [one for one in lessons if one.path not in without]
        found = (
            self._lane.files([raw(f"{tree}:{one.path}") for one in asked], most_bytes=LARGEST_BYTES) if asked else []
        )
        return all(one.resolved == content for one, content in zip(asked, found, strict=True))

    def _stop(
        self,
        at: _At,
        answer: MergeAnswer,
        unsettled: UnresolvedMerge,
        *,
        carrying: MergeAnswer | None = None,
        stops: bool | None = None,
    ) -> Conflicted:
        """The stop at a merge.

        Args:
            at: the old merge.
            answer: of git, of the new parents or of what is carried over.
            unsettled: what is known of it.
            carrying: the merge of the old parents, where what a person put into it cannot be carried over.
            stops: whether git stops there by itself; None where `answer` says so.
        """
        stops = not answer.is_clean if stops is None else stops
        if answer.is_clean and carrying is not None:
            # git merges the new parents, but how the old ones were merged by hand cannot be carried over: the old conflict is shown.
            answer = carrying
        self._lane.stopped_at = answer
        stopped = self._picker.stopped(at.oid, at.commit, answer, unsettled, position=at.position)
        return replace(
            stopped,
            recreating=at.oid,
            reproduce=reproduce_recreation(
                self._picker.step, self._earlier, at=at.oid, carrying=carrying is not None, stops=stops
            ),
        )
