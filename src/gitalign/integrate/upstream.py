"""Which own commits are upstream already: the same patch stands in the target under another id.

`git rebase` asks `rev-list --cherry-pick` for every branch, and each call reckons the patch ids of hundreds of upstream
commits anew. Here it is done once per run for all branches: changed paths first (no file is read), and true patch ids only
where an own commit and a commit of its target change the same paths with different blobs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.git.history import Change, patch_ids, raw_changes
from gitalign.git.repository import Repository

_BLANKS = b" \t\n\r\v\f"

Key = tuple[tuple[bytes, bytes, bytes], ...]


@dataclass(slots=True)
class UpstreamIndex:
    """Answers for the (tip, target) pairs it was built for; read-only and shared by all workers."""

    _graph: CommitGraph
    _matches: dict[tuple[Oid, Oid], dict[Oid, Oid]] = field(default_factory=dict)

    @classmethod
    def build(cls, repository: Repository, graph: CommitGraph, pairs: Iterable[tuple[Oid, Oid]]) -> UpstreamIndex:
        """Compare the own commits of every (tip, onto) pair with what its target has beyond the branch.

        Raises:
            GitError
        """
        wanted = list(dict.fromkeys(pairs))
        index = cls(graph)
        by_target: dict[Oid, list[Oid]] = defaultdict(list)
        for tip, onto in wanted:
            by_target[onto].append(tip)
        candidates: list[tuple[Oid, Oid, Oid, Oid]] = []
        changes: dict[Oid, tuple[Change, ...]] = {}
        for onto, tips in by_target.items():
            candidates += _same_paths(repository, graph, onto, tips, changes)
        same = _same_patch(repository, candidates, changes)
        for tip, onto, own, upstream in candidates:
            if (own, upstream) in same:
                index._matches.setdefault((tip, onto), {}).setdefault(own, upstream)
        return index

    def matches(self, tip: Oid, onto: Oid) -> Mapping[Oid, Oid]:
        """Own commit -> a commit of the target with the same patch."""
        return self._matches.get((tip, onto), {})


def _same_paths(
    repository: Repository, graph: CommitGraph, onto: Oid, tips: Sequence[Oid], changes: dict[Oid, tuple[Change, ...]]
) -> list[tuple[Oid, Oid, Oid, Oid]]:
    """(tip, onto, own commit, upstream commit) wherever the two change the same paths."""
    picks = {tip: graph.own(tip, onto).picks for tip in tips}
    own = {oid for commits in picks.values() for oid in commits}
    if not own:
        return []
    # Only what some branch lacks can be a match; the rest is in every branch.
    lacking = _lacking(graph, onto, tips)
    upstream = [oid for oid in lacking if len(graph.parents(oid)) < 2]
    unread = [oid for oid in (*sorted(own), *sorted(upstream)) if oid not in changes]
    changes.update(raw_changes(repository, unread))
    by_key: dict[Key, list[Oid]] = defaultdict(list)
    for oid in upstream:
        by_key[_key(changes[oid])].append(oid)
    found: list[tuple[Oid, Oid, Oid, Oid]] = []
    missing: dict[tuple[Oid, ...], set[Oid]] = {}
    for tip in tips:
        # A commit that was empty from the start has no patch to find: git rebase keeps it (sequencer.c, sequencer_make_script).
        meetings = [(oid, by_key[key]) for oid in picks[tip] if (key := _key(changes[oid])) and key in by_key]
        if not meetings:
            continue
        bases = graph.own(tip, onto).bases
        if bases not in missing:
            missing[bases] = lacking - graph.reachable(bases) if bases else set(lacking)
        for oid, others in meetings:
            found += [(tip, onto, oid, other) for other in others if other in missing[bases]]
    return found


def _lacking(graph: CommitGraph, onto: Oid, tips: Sequence[Oid]) -> set[Oid]:
    """Commits of the target that at least one of the branches has not."""
    shared: set[Oid] | None = None
    for bases in {graph.own(tip, onto).bases for tip in tips}:
        reached = graph.reachable(bases) if bases else set()
        shared = reached if shared is None else shared & reached
        if not shared:
            break
    return graph.reachable([onto]) - (shared or set())


def _key(changes: Sequence[Change]) -> Key:
    """What git compares before it reads any file: names, and the modes of added and deleted files.

    git leaves white space out of names when it reckons patch ids (diff.c, remove_space).
    """
    return tuple(sorted((change.path.translate(None, _BLANKS), *_modes(change)) for change in changes))


def _modes(change: Change) -> tuple[bytes, bytes]:
    if change.old_mode == b"000000" or change.new_mode == b"000000" or change.old_mode != change.new_mode:
        return change.old_mode, change.new_mode
    return b"", b""


def _same_patch(
    repository: Repository, candidates: Sequence[tuple[Oid, Oid, Oid, Oid]], changes: Mapping[Oid, tuple[Change, ...]]
) -> set[tuple[Oid, Oid]]:
    pairs = {(own, upstream) for _, _, own, upstream in candidates}
    same = {pair for pair in pairs if _same_blobs(changes[pair[0]], changes[pair[1]])}
    open_pairs = pairs - same
    ids = patch_ids(repository, sorted({oid for pair in open_pairs for oid in pair}))
    return same | {(own, upstream) for own, upstream in open_pairs if own in ids and ids[own] == ids.get(upstream)}


def _same_blobs(one: Sequence[Change], other: Sequence[Change]) -> bool:
    return sorted((c.path, c.old_oid, c.new_oid, c.old_mode, c.new_mode) for c in one) == sorted(
        (c.path, c.old_oid, c.new_oid, c.old_mode, c.new_mode) for c in other
    )
