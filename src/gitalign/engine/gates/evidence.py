"""What proofs stand on: history, commits and changes, read from objects for many certificates together.

Whole lists per process; nothing is asked once per branch. What is made of it is in `proofs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from gitalign.core.certificate import Certificate, PatchVerdict
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.outcome import AlignedKind
from gitalign.core.pair_conflicts import PathChange
from gitalign.git.diffs import listed_changes, patch_ids, path_changes
from gitalign.git.history import load_graph
from gitalign.git.objects import bodies
from gitalign.git.raw_diff import digest_of
from gitalign.git.repository import Repository

_PROVED_AT_ONCE = 500
_PATHS_AT_ONCE = 100_000
"""Of commits that change very many paths, fewer certificates are proved together."""
_READERS = 2
_HALVED_FROM = 64

Patch = tuple[bytes, ...]
"""Changes of a commit as git lists them: of each, modes and ids before and after in one piece, then the path."""


class Said(NamedTuple):
    """What a commit says of itself."""

    tree: str
    author: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read for some certificates together.

    Attributes:
        graph: history behind every tip; those that cannot be walked are in its `unreadable`.
        commits: the commits that are named, as far as they can be read.
        patches: commit -> its changes, without file contents.
        patch_ids: of commits whose changes differ from those of what they became.
        apart: (before, after) -> what changes between two commits; only for certificates that are not `is_shown_by_commits`.
    """

    graph: CommitGraph
    commits: Mapping[Oid, Said]
    patches: Mapping[Oid, Patch]
    patch_ids: Mapping[Oid, str]
    apart: Mapping[tuple[Oid, Oid], Sequence[PathChange]]


def in_batches(
    repository: Repository,
    tips: Collection[Oid],
    certificates: Iterable[Certificate],
    *,
    known: Mapping[Oid, bytes] | None = None,
) -> Iterator[tuple[Sequence[Certificate], Evidence]]:
    """Some certificates at a time, with what was read for them: history is shared, what commits hold is not kept.

    Args:
        repository: the repository.
        tips: of every certificate.
        certificates: whose evidence is wanted.
        known: commit -> digest of its changes, where git listed them before; they are not listed again where they are those of
            what the commit became.

    Raises:
        GitError: git cannot be asked at all. What is missing is left out.
    """
    waiting = iter(certificates)
    # What is waited for is git; two at a time keep two processors busy.
    with ThreadPoolExecutor(_READERS, thread_name_prefix="proofs") as pool:
        graph = pool.submit(load_graph, repository, tips)
        most = _PROVED_AT_ONCE
        while batch := list(islice(waiting, most)):
            evidence = _gathered(repository, batch, graph, pool, known or {})
            paths = sum(len(patch) // 2 for patch in evidence.patches.values())
            most = max(1, min(_PROVED_AT_ONCE, _PATHS_AT_ONCE * len(batch) // (paths + 1)))
            yield batch, evidence


def _gathered(
    repository: Repository,
    certificates: Sequence[Certificate],
    loading: Future[CommitGraph],
    pool: Executor,
    known: Mapping[Oid, bytes],
) -> Evidence:
    named = {one.after for one in certificates}
    named |= {oid for one in certificates for pair in one.commits for oid in (pair.old, pair.new)}
    pairs = [(pair.old, pair.new) for one in certificates for pair in one.commits]
    pairs += [(drop.oid, drop.upstream or drop.oid) for one in certificates for drop in one.dropped]
    listing = _listing(repository, pairs, pool, known)
    reading = pool.submit(_read, repository, named)
    graph = loading.result()
    patches, ids = _patches(repository, pairs, listing(), parents=lambda oid: _parents(graph, oid))
    wanted: set[tuple[Oid, Oid]] = set()
    for one in certificates:
        is_readable = all(oid in graph for oid in (one.before, one.onto, one.after))
        if is_readable and not is_shown_by_commits(one, graph, patches):
            bases = graph.own(one.before, one.onto).bases
            wanted |= {(one.onto, one.after)} | {(base, tip) for base in bases for tip in (one.before, one.onto)}
    compared = pool.map(lambda part: list(path_changes(repository.git, part)), _parts(sorted(wanted)))
    apart = {pair: changes for found in compared for pair, changes in found}
    return Evidence(graph=graph, commits=reading.result(), patches=patches, patch_ids=ids, apart=apart)


def is_shown_by_commits(one: Certificate, graph: CommitGraph, patches: Mapping[Oid, Patch]) -> bool:
    """True when the commits of a result, one on the other, change no path that the commits they stand for do not change.

    Then the result differs from its target in paths of the branch alone, and the two need not be compared.
    """
    if one.how is not AlignedKind.REPLAYED or not one.commits or broken_chain(one, graph):
        return False
    if any(pair.old not in patches or pair.new not in patches for pair in one.commits):
        return False
    unlike = [pair for pair in one.commits if patches[pair.old] != patches[pair.new]]
    made = {path for pair in unlike for path in paths_of(patches[pair.new])}
    return not made or made <= {path for pair in one.commits for path in paths_of(patches[pair.old])}


def broken_chain(one: Certificate, graph: CommitGraph) -> str:
    """Why the listed commits are not what stands on the target, one on the other; empty when they are."""
    at = one.after
    for pair in reversed(one.commits):
        if pair.new != at:
            return f"expected commit {pair.new}, found {at}"
        parents = graph.parents(at)
        if len(parents) != 1:
            return f"commit {at} has {len(parents)} parents"
        at = parents[0]
    return "" if at == one.onto else f"the listed commits stand on {at}, not on the target"


def paths_of(patch: Patch) -> set[bytes]:
    """The paths that a commit changes."""
    return set(patch[1::2])


def verdict(pair: tuple[Oid, Oid], patches: Mapping[Oid, Patch], ids: Mapping[Oid, str]) -> PatchVerdict:
    """What became of the change of a commit, by (old, new)."""
    old, new = pair
    if old == new:
        return PatchVerdict.UNTOUCHED
    if old in patches and patches[old] == patches.get(new):
        return PatchVerdict.SAME
    return PatchVerdict.SAME if old in ids and ids[old] == ids.get(new) else PatchVerdict.CHANGED


def patch_verdicts(repository: Repository, pairs: Iterable[tuple[Oid, Oid]]) -> dict[tuple[Oid, Oid], PatchVerdict]:
    """What became of the changes of commits, by (old, new).

    Raises:
        GitError
    """
    asked = sorted(set(pairs))
    with ThreadPoolExecutor(_READERS, thread_name_prefix="patches") as pool:
        listed = _listing(repository, asked, pool, {})()
    patches, ids = _patches(repository, asked, listed, parents=lambda _: None)
    return {pair: verdict(pair, patches, ids) for pair in asked}


T = TypeVar("T")


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    """The halves of a list that is worth a second process, otherwise the whole."""
    middle = len(items) // 2
    return [items[:middle], items[middle:]] if len(items) >= _HALVED_FROM else [items]


def _listing(
    repository: Repository, pairs: Sequence[tuple[Oid, Oid]], pool: Executor, known: Mapping[Oid, bytes]
) -> Callable[[], dict[Oid, Patch]]:
    """Begin to list the changes of commits; what is called for them."""

    def begin(oids: Iterable[Oid]) -> list[Future[list[tuple[Oid, Patch]]]]:
        parts = _parts(sorted(oids))
        return [pool.submit(lambda part: list(listed_changes(repository, part)), part) for part in parts]

    begun = begin({oid for pair in pairs for oid in pair} - known.keys())

    def listed() -> dict[Oid, Patch]:
        patches = dict(found for part in begun for found in part.result())
        for old, new in pairs:
            if old not in patches and new in patches and known.get(old) == digest_of(patches[new]):
                patches[old] = patches[new]
        rest = {oid for pair in pairs for oid in pair if oid in known and oid not in patches}
        return patches | dict(found for part in begin(rest) for found in part.result()) if rest else patches

    return listed


def _patches(
    repository: Repository,
    pairs: Sequence[tuple[Oid, Oid]],
    patches: dict[Oid, Patch],
    *,
    parents: Callable[[Oid], int | None],
) -> tuple[dict[Oid, Patch], dict[Oid, str]]:
    """Changes of commits without those of merges; and patch ids of those that differ from what they are paired with.

    Args:
        parents: how many parents a commit has, where that is known.
    """
    # Two merges are not the same change because neither has one that could be read.
    silent = {oid: parents(oid) for oid, changes in patches.items() if not changes}
    unknown = _read(repository, [oid for oid, count in silent.items() if count is None], merges=True)
    for oid, count in silent.items():
        if oid in unknown or (count or 0) > 1:
            del patches[oid]
    unlike = sorted({oid for old, new in pairs if patches.get(old) != patches.get(new) for oid in (old, new)})
    sizes = {oid: len(patches[oid]) // 2 for oid in unlike if oid in patches}
    return patches, patch_ids(repository, unlike, paths=sizes) if unlike else {}


def _parents(graph: CommitGraph, oid: Oid) -> int | None:
    return len(graph.parents(oid)) if oid in graph else None


def _read(repository: Repository, wanted: Collection[Oid], *, merges: bool = False) -> dict[Oid, Said]:
    """What commits say of themselves, as far as they can be read; those of merges alone where `merges` says so."""
    return {
        oid: said
        for oid, body in bodies(repository.git, sorted(wanted), kind=b"commit")
        if (said := _said(body)) is not None and (not merges or body.partition(b"\nauthor ")[0].count(b"\nparent ") > 1)
    }


def _said(body: bytes) -> Said | None:
    head, _, message = body.partition(b"\n\n")
    tree = head.partition(b"\n")[0]
    if not tree.startswith(b"tree "):
        return None
    author = head.partition(b"\nauthor ")[2].partition(b"\n")[0]
    return Said(tree[5:].decode("ascii", "replace"), author, message)
