"""Which own commits are upstream already: the same patch stands in the target under another id.

`git rebase` asks `rev-list --cherry-mark` for every branch, and each call reckons the patch ids of hundreds of upstream
commits anew. Here it is done once per run for all branches: changed paths first (no file is read), and true patch ids only
where commits of a branch and of its target change the same paths with different blobs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.errors import InvariantBroken
from gitalign.git.history import Change, patch_ids, raw_changes
from gitalign.git.repository import Repository

_BLANKS = b" \t\n\r"
"""What git takes for white space (its own ctype.c, not the C library's)."""


class _Footprint(NamedTuple):
    """What is known of a commit before any file is read.

    Attributes:
        outline: digest of changed names and modes; git compares no further where these differ.
        blobs: digest of names, modes and blobs; equal ones are the same patch.
        paths: number of changed paths.
    """

    outline: bytes
    blobs: bytes
    paths: int


class UpstreamIndex:
    """Answers for the (tip, target) pairs it was built for; read-only and shared by all workers."""

    def __init__(
        self,
        graph: CommitGraph,
        pairs: Iterable[tuple[Oid, Oid]],
        twins: Mapping[Oid, Mapping[Oid, tuple[Oid, ...]]],
    ) -> None:
        """Use `build`.

        Args:
            graph: history behind the pairs.
            pairs: what may be asked.
            twins: per target, own commits of any branch -> commits of the target with the same patch.
        """
        self._graph = graph
        self._pairs = frozenset(pairs)
        self._twins = twins

    @classmethod
    def build(
        cls,
        repository: Repository,
        graph: CommitGraph,
        pairs: Iterable[tuple[Oid, Oid]],
        *,
        forks: Mapping[tuple[Oid, Oid], Oid] | None = None,
    ) -> UpstreamIndex:
        """Compare the own commits of every (tip, onto) pair with what its target has beyond the branch.

        Commits whose trees or files cannot be read have no twin: whether that matters shows when they are merged.

        Args:
            repository: the repository.
            graph: history behind the pairs.
            pairs: what may be asked.
            forks: older commits of a target, by pair: what a branch has beyond them is compared, too, for `twins`.

        Raises:
            GitTimedOut, GitMissing, OutOfSpace
        """
        wanted = list(dict.fromkeys(pairs))
        by_target: dict[Oid, list[Oid]] = defaultdict(list)
        for tip, onto in wanted:
            by_target[onto].append(tip)
        footprints: dict[Oid, _Footprint] = {}
        meetings: dict[Oid, list[tuple[list[Oid], list[Oid]]]] = {}
        for onto, tips in by_target.items():
            own = graph.own_of_any(tips, onto)
            if forks:
                own = _also_beyond(graph, own, [(tip, forks[tip, onto]) for tip in tips if (tip, onto) in forks])
            if own:
                # Only what some branch lacks can be a twin; the rest is in every branch.
                upstream = graph.lacked_by_any(tips, onto)
                _read_footprints(repository, graph, (*own, *upstream), footprints)
                meetings[onto] = _meetings(own, upstream, footprints)
        patches = _patches(repository, [pair for found in meetings.values() for pair in found], footprints)
        return cls(graph, wanted, {onto: _twins(found, footprints, patches) for onto, found in meetings.items()})

    def matches(self, tip: Oid, onto: Oid) -> Mapping[Oid, Oid]:
        """Own commit -> a commit of the target, and not of the branch, with the same patch.

        Raises:
            InvariantBroken: the index was not built for this pair; an empty answer would be a wrong one.
        """
        found = self.twins(tip, onto, self._graph.own(tip, onto).picks)
        return {oid: others[0] for oid, others in found.items()}

    def twins(self, tip: Oid, onto: Oid, picks: Iterable[Oid]) -> Mapping[Oid, tuple[Oid, ...]]:
        """Commit of the branch -> the commits of the target, and not of the branch, with the same patch; those that have some.

        Args:
            tip: of the branch.
            onto: of the target.
            picks: which commits of the branch.

        Raises:
            InvariantBroken: the index was not built for this pair; an empty answer would be a wrong one.
        """
        if (tip, onto) not in self._pairs:
            raise InvariantBroken(f"the upstream index was not built for {tip} on {onto}")
        twins = self._twins.get(onto)
        known = [oid for oid in picks if oid in twins] if twins else []
        if not twins or not known:
            return {}
        lacks = self._graph.lacks(tip, onto)
        found = {oid: tuple(other for other in twins[oid] if lacks(other)) for oid in known}
        return {oid: others for oid, others in found.items() if others}


def _also_beyond(graph: CommitGraph, own: Sequence[Oid], forks: Iterable[tuple[Oid, Oid]]) -> list[Oid]:
    """Own commits with what branches have beyond their forks."""
    by_fork: dict[Oid, list[Oid]] = defaultdict(list)
    for tip, fork in forks:
        by_fork[fork].append(tip)
    found = dict.fromkeys(own)
    for fork, tips in by_fork.items():
        found |= dict.fromkeys(graph.own_of_any(tips, fork))
    return list(found)


def _read_footprints(
    repository: Repository, graph: CommitGraph, commits: Iterable[Oid], footprints: dict[Oid, _Footprint]
) -> None:
    unread = [oid for oid in commits if oid not in footprints and len(graph.parents(oid)) < 2]
    for oid, changes in raw_changes(repository, unread):
        # A commit that was empty from the start has no twin: git rebase keeps it (sequencer.c, make_script_with_merges
        # and sequencer_make_script ask is_original_commit_empty before they skip).
        if changes:
            footprints[oid] = _footprint(changes)


def _footprint(changes: Sequence[Change]) -> _Footprint:
    """What git compares first: names without white space, and modes that are new, gone or changed (diff.c, diff_get_patch_id)."""
    outline = blake2b(digest_size=16)
    blobs = blake2b(digest_size=16)
    named = sorted(
        (path.translate(None, _BLANKS), b"" if old_mode == new_mode else old_mode + new_mode, old_oid, new_oid)
        for path, old_mode, new_mode, old_oid, new_oid, _ in changes
    )
    for path, modes, old_oid, new_oid in named:
        outline.update(path + b"\0" + modes + b"\0")
        blobs.update(path + b"\0" + modes + b"\0" + old_oid + new_oid)
    return _Footprint(outline.digest(), blobs.digest(), len(named))


def _meetings(
    own: Sequence[Oid], upstream: Sequence[Oid], footprints: Mapping[Oid, _Footprint]
) -> list[tuple[list[Oid], list[Oid]]]:
    """(own commits, upstream commits) of the same outline, in the graph's order."""
    by_outline: dict[bytes, list[Oid]] = defaultdict(list)
    for oid in upstream:
        if oid in footprints:
            by_outline[footprints[oid].outline].append(oid)
    met: dict[bytes, list[Oid]] = defaultdict(list)
    for oid in own:
        if oid in footprints and footprints[oid].outline in by_outline:
            met[footprints[oid].outline].append(oid)
    return [(members, by_outline[outline]) for outline, members in met.items()]


def _patches(
    repository: Repository,
    meetings: Iterable[tuple[list[Oid], list[Oid]]],
    footprints: Mapping[Oid, _Footprint],
) -> dict[bytes, str]:
    """Patch ids by blobs, for those meetings that blobs alone do not decide."""
    representative: dict[bytes, Oid] = {}
    for own, upstream in meetings:
        distinct = {footprints[oid].blobs: oid for oid in (*own, *upstream)}
        if len(distinct) > 1:
            representative.update(distinct)
    sizes = {oid: footprints[oid].paths for oid in representative.values()}
    found = patch_ids(repository, list(sizes), paths=sizes)
    return {blobs: found[oid] for blobs, oid in representative.items() if oid in found}


def _twins(
    meetings: Iterable[tuple[list[Oid], list[Oid]]],
    footprints: Mapping[Oid, _Footprint],
    patches: Mapping[bytes, str],
) -> dict[Oid, tuple[Oid, ...]]:
    twins: dict[Oid, tuple[Oid, ...]] = {}
    for own, upstream in meetings:
        by_patch: dict[str | bytes, list[Oid]] = defaultdict(list)
        for oid in upstream:
            blobs = footprints[oid].blobs
            by_patch[patches.get(blobs, blobs)].append(oid)
        for oid in own:
            blobs = footprints[oid].blobs
            if same := by_patch.get(patches.get(blobs, blobs)):
                twins[oid] = tuple(same)
    return twins
