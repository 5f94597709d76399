"""Which own commits are upstream already: the same patch stands in the target under another id.

`git rebase` asks `rev-list --cherry-mark` for every branch, and each call reckons the patch ids of hundreds of upstream
commits again. Here it is done once per run for all branches: changed paths first (no file is read), and true patch ids only
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
from gitalign.git.diffs import patch_ids, raw_changes
from gitalign.git.raw_diff import Change, digest_of, listed_again
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
        equivalents: Mapping[Oid, Mapping[Oid, tuple[Oid, ...]]],
        missing: Mapping[Oid, Mapping[Oid, Oid]],
        changes: Mapping[Oid, bytes],
    ) -> None:
        """Use `build`.

        Args:
            graph: history behind the pairs.
            pairs: what may be asked.
            twins: per target, own commits of any branch -> commits of the target with the same patch.
            missing: per target, commits of either side that could not be compared, each with an object that is not there.
            changes: see the attribute.

        Attributes:
            changes: commit -> digest of its changes as git lists them (`raw_diff.digest_of`), for proofs that compare them.
        """
        self._graph = graph
        self._pairs = frozenset(pairs)
        self._equivalents = equivalents
        self._missing = missing
        self.changes = changes

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

        Commits that stand on an object that is not there have no twin; `missing` names them.

        Args:
            repository: the repository.
            graph: history behind the pairs.
            pairs: what may be asked.
            forks: older commits of a target, by pair: what a branch has beyond them is compared, too, for `equivalents`.

        Raises:
            GitError: anything but a missing object.
        """
        wanted = list(dict.fromkeys(pairs))
        by_target: dict[Oid, list[Oid]] = defaultdict(list)
        for tip, onto in wanted:
            by_target[onto].append(tip)
        footprints: dict[Oid, _Footprint] = {}
        changes: dict[Oid, bytes] = {}
        lost: dict[Oid, Oid] = {}
        unread: dict[Oid, dict[Oid, Oid]] = {}
        meetings: dict[Oid, list[tuple[list[Oid], list[Oid]]]] = {}
        for onto, tips in by_target.items():
            own = graph.own_of_any(tips, onto)
            if forks:
                own = _also_beyond(graph, own, [(tip, forks[tip, onto]) for tip in tips if (tip, onto) in forks])
            if own:
                # Only what some branch lacks can be a twin; the rest is in every branch.
                upstream = graph.lacked_by_any(tips, onto)
                _read_footprints(repository, graph, own, footprints, lost, digests=changes)
                _read_footprints(repository, graph, upstream, footprints, lost)
                meetings[onto] = _meetings(own, upstream, footprints)
                unread[onto] = {oid: lost[oid] for oid in (*own, *upstream) if oid in lost} if lost else {}
        without_patch: dict[bytes, Oid] = {}
        every = [pair for found in meetings.values() for pair in found]
        patches = _patches(repository, every, footprints, without_patch)
        for onto, found in meetings.items() if without_patch else ():
            unread[onto] |= _undecided(found, footprints, without_patch)
        equivalents = {onto: _equivalents(found, footprints, patches) for onto, found in meetings.items()}
        return cls(graph, wanted, equivalents, unread, changes)

    def missing(self, tip: Oid, onto: Oid) -> Mapping[Oid, Oid]:
        """Commits of the branch, or of the target and not of the branch, that could not be compared -> what they stand on that is not there.

        Which commits are upstream is then not known for certain, and what follows from it must not be remembered.
        """
        unread = self._missing.get(onto)
        if not unread:
            return {}
        own, lacks = set(self._graph.own(tip, onto).picks), self._graph.lacks(tip, onto)
        # The rest are other branches' own.
        return {
            oid: lost
            for oid, lost in unread.items()
            if oid in own or (self._graph.is_ancestor(oid, onto) and lacks(oid))
        }

    def all_missing(self) -> Mapping[Oid, Oid]:
        """Every commit that could not be compared, as `missing` names them."""
        return {oid: lost for unread in self._missing.values() for oid, lost in sorted(unread.items())}

    def has_gaps(self, onto: Oid) -> bool:
        """True when anything about branches of a target could not be compared."""
        return bool(self._missing.get(onto))

    def matches(self, tip: Oid, onto: Oid) -> Mapping[Oid, Oid]:
        """Own commit -> a commit of the target, and not of the branch, with the same patch.

        Raises:
            InvariantBroken: the index was not built for this pair; an empty answer would be a wrong one.
        """
        found = self.equivalents(tip, onto, self._graph.own(tip, onto).picks)
        return {oid: others[0] for oid, others in found.items()}

    def equivalents(self, tip: Oid, onto: Oid, picks: Iterable[Oid]) -> Mapping[Oid, tuple[Oid, ...]]:
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
        equivalents = self._equivalents.get(onto)
        known = [oid for oid in picks if oid in equivalents] if equivalents else []
        if not equivalents or not known:
            return {}
        lacks = self._graph.lacks(tip, onto)
        found = {oid: tuple(other for other in equivalents[oid] if lacks(other)) for oid in known}
        return {oid: others for oid, others in found.items() if others}


def squashed_into(
    repository: Repository, graph: CommitGraph, pairs: Iterable[tuple[Oid, Oid]]
) -> dict[tuple[Oid, Oid], Oid]:
    """(tip, onto) -> the commit of the target, and not of the branch, whose patch is that of the whole branch.

    A branch with several merge bases, or none, has no such patch. What cannot be compared for want of an object is left out.

    Args:
        repository: the repository.
        graph: history behind the pairs.
        pairs: branches and the targets that may have them.

    Raises:
        GitError: anything but a missing object.
    """
    found: dict[tuple[Oid, Oid], Oid] = {}
    by_target: dict[Oid, dict[Oid, Oid]] = defaultdict(dict)
    for tip, onto in pairs:
        bases = graph.own(tip, onto).bases
        if len(bases) == 1:
            by_target[onto][tip] = bases[0]
    for onto, bases_of in by_target.items():
        footprints: dict[Oid, _Footprint] = {}
        upstream = graph.lacked_by_any(bases_of, onto)
        _read_footprints(repository, graph, upstream, footprints, {})
        for oid, changes in raw_changes(repository, list(bases_of), against=bases_of, missing={}):
            if changes:
                footprints[oid] = _footprint(changes)
        met = _meetings(list(bases_of), upstream, footprints)
        equivalents = _equivalents(met, footprints, _patches(repository, met, footprints, {}, against=bases_of))
        for tip, others in equivalents.items():
            lacks = graph.lacks(tip, onto)
            landed = next(filter(lacks, others), None)
            if landed is not None:
                found[tip, onto] = landed
    return found


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
    repository: Repository,
    graph: CommitGraph,
    commits: Iterable[Oid],
    footprints: dict[Oid, _Footprint],
    missing: dict[Oid, Oid],
    *,
    digests: dict[Oid, bytes] | None = None,
) -> None:
    unread = [oid for oid in commits if oid not in footprints and oid not in missing and len(graph.parents(oid)) < 2]
    for oid, changes in raw_changes(repository, unread, missing=missing):
        # A commit that was empty from the start has no twin: git rebase keeps it (sequencer.c, make_script_with_merges
        # and sequencer_make_script ask is_original_commit_empty before they skip).
        if changes:
            footprints[oid] = _footprint(changes)
            if digests is not None:
                digests[oid] = digest_of(listed_again(changes))


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
    missing: dict[bytes, Oid],
    *,
    against: Mapping[Oid, Oid] | None = None,
) -> dict[bytes, str]:
    """Patch ids by blobs, for those meetings that blobs alone do not decide; `missing` is filled with those that cannot be had."""
    representative: dict[bytes, Oid] = {}
    for own, upstream in meetings:
        distinct = {footprints[oid].blobs: oid for oid in (*own, *upstream)}
        if len(distinct) > 1:
            representative.update(distinct)
    sizes = {oid: footprints[oid].paths for oid in representative.values()}
    lost: dict[Oid, Oid] = {}
    found = patch_ids(repository, list(sizes), paths=sizes, against=against, missing=lost)
    missing.update((blobs, lost[oid]) for blobs, oid in representative.items() if oid in lost)
    return {blobs: found[oid] for blobs, oid in representative.items() if oid in found}


def _undecided(
    meetings: Iterable[tuple[list[Oid], list[Oid]]],
    footprints: Mapping[Oid, _Footprint],
    missing: Mapping[bytes, Oid],
) -> dict[Oid, Oid]:
    """Commits without a patch id that met others with other blobs: whether they are the same patch is not known."""
    return {
        oid: missing[footprints[oid].blobs]
        for own, upstream in meetings
        for oid in (*own, *upstream)
        if footprints[oid].blobs in missing
    }


def _equivalents(
    meetings: Iterable[tuple[list[Oid], list[Oid]]],
    footprints: Mapping[Oid, _Footprint],
    patches: Mapping[bytes, str],
) -> dict[Oid, tuple[Oid, ...]]:
    equivalents: dict[Oid, tuple[Oid, ...]] = {}
    for own, upstream in meetings:
        by_patch: dict[str | bytes, list[Oid]] = defaultdict(list)
        for oid in upstream:
            blobs = footprints[oid].blobs
            by_patch[patches.get(blobs, blobs)].append(oid)
        for oid in own:
            blobs = footprints[oid].blobs
            if same := by_patch.get(patches.get(blobs, blobs)):
                equivalents[oid] = tuple(same)
    return equivalents
