"""Proving aligned branches from objects alone: the same checks before a run publishes and whenever someone asks again.

Whole lists per process; nothing is asked once per branch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from gitalign.core.certificate import Certificate, Check, CheckName, PatchVerdict
from gitalign.core.commit import RawCommit
from gitalign.core.graph import CommitGraph
from gitalign.core.images import misplaced
from gitalign.core.names import Oid
from gitalign.core.outcome import NOTHING_OWN, Aligned, AlignedKind, DropReason, Rewrite
from gitalign.core.pair_conflicts import PathChange
from gitalign.errors import MissingObject
from gitalign.git.command import Git
from gitalign.git.diffs import patch_ids, path_changes, raw_changes
from gitalign.git.history import load_graph
from gitalign.git.objects import CommitReader
from gitalign.git.repository import Repository

_TIMEOUT_S = 120.0
_AT_ONCE = _PROVED_AT_ONCE = 500
_READERS = 2
_HALVED_FROM = 64

T = TypeVar("T")

PASSED = {name: Check(name=name, passed=True, detail="") for name in CheckName}

Patch = frozenset[tuple[bytes, bytes, bytes, bytes, bytes]]
"""Changes of a commit: path, and mode and id before and after."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What was read for all certificates together.

    Attributes:
        graph: history behind every tip; those that cannot be walked are in its `unreadable`.
        commits: the commits that are named, as far as they can be read.
        patches: commit -> its changes, without file contents.
        patch_ids: of commits whose changes differ from those of what they became.
        apart: (before, after) -> what changes between two commits.
    """

    graph: CommitGraph
    commits: Mapping[Oid, RawCommit]
    patches: Mapping[Oid, Patch]
    patch_ids: Mapping[Oid, str]
    apart: Mapping[tuple[Oid, Oid], Sequence[PathChange]]


def certified(
    repository: Repository, git: Git, tips: Collection[Oid], claims: Iterable[Certificate]
) -> Iterator[Certificate]:
    """Claims with their checks, and with what became of each commit's change filled in; some are held at a time.

    Args:
        repository: the repository.
        git: sees the results; a quarantine's.
        tips: what every claim says of where branches stood, stand and were put.
        claims: what a run made; patch verdicts and checks of theirs are not looked at.

    Raises:
        GitError: git cannot be asked at all. A missing object is a check that failed.
    """
    for batch, evidence in _in_batches(replace(repository, git=git), tips, claims):
        for one in batch:
            commits = tuple(
                replace(pair, patch=_verdict((pair.old, pair.new), evidence.patches, evidence.patch_ids))
                for pair in one.commits
            )
            filled = replace(one, commits=commits)
            yield replace(filled, checks=_checks(filled, evidence))


def patch_verdicts(repository: Repository, pairs: Iterable[tuple[Oid, Oid]]) -> dict[tuple[Oid, Oid], PatchVerdict]:
    """What became of the changes of commits, by (old, new).

    Raises:
        GitError
    """
    asked = sorted(set(pairs))
    patches, ids = _patches(repository, asked)
    return {pair: _verdict(pair, patches, ids) for pair in asked}


def prove(repository: Repository, certificates: Sequence[Certificate]) -> list[tuple[Check, ...]]:
    """All checks of certificates made again, each in the order of `CheckName`.

    Raises:
        GitError: git cannot be asked at all. A missing object is a check that failed.
    """
    tips = {oid for one in certificates for oid in (one.before, one.onto, one.after)}
    return [_checks(one, evidence) for batch, evidence in _in_batches(repository, tips, certificates) for one in batch]


def _in_batches(
    repository: Repository, tips: Collection[Oid], certificates: Iterable[Certificate]
) -> Iterator[tuple[Sequence[Certificate], _Evidence]]:
    """Some certificates at a time, with what was read for them: history is shared, what commits hold is not kept."""
    waiting = iter(certificates)
    # What is waited for is git; two at a time keep two processors busy.
    with ThreadPoolExecutor(_READERS, thread_name_prefix="proofs") as pool:
        graph = pool.submit(load_graph, repository, tips)
        while batch := list(islice(waiting, _PROVED_AT_ONCE)):
            yield batch, _gathered(repository, batch, graph, pool)


def _gathered(
    repository: Repository, certificates: Sequence[Certificate], loading: Future[CommitGraph], pool: ThreadPoolExecutor
) -> _Evidence:
    named = {
        oid
        for one in certificates
        for oid in (one.after, *(oid for pair in one.commits for oid in (pair.old, pair.new)))
    }
    pairs = [(pair.old, pair.new) for one in certificates for pair in one.commits]
    pairs += [(drop.oid, drop.upstream or drop.oid) for one in certificates for drop in one.dropped]
    patching = pool.submit(_patches, repository, pairs)
    graph = loading.result()
    reading = pool.submit(_read, repository.git, named)
    wanted: set[tuple[Oid, Oid]] = set()
    for one in certificates:
        if all(oid in graph for oid in (one.before, one.onto, one.after)):
            bases = graph.own(one.before, one.onto).bases
            wanted |= {(one.onto, one.after)} | {(base, tip) for base in bases for tip in (one.before, one.onto)}
    asked = sorted(wanted)
    apart = {
        pair: changes
        for found in pool.map(lambda part: list(path_changes(repository.git, part)), _parts(asked))
        for pair, changes in found
    }
    patches, ids = patching.result()
    return _Evidence(graph=graph, commits=reading.result(), patches=patches, patch_ids=ids, apart=apart)


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    """The halves of a list that is worth a second process, otherwise the whole."""
    middle = len(items) // 2
    return [items[:middle], items[middle:]] if len(items) >= _HALVED_FROM else [items]


def _read(git: Git, wanted: Collection[Oid]) -> dict[Oid, RawCommit]:
    reader = CommitReader(git, timeout_s=_TIMEOUT_S)
    found: dict[Oid, RawCommit] = {}
    asked = sorted(wanted)
    try:
        for start in range(0, len(asked), _AT_ONCE):
            chunk = asked[start : start + _AT_ONCE]
            try:
                found |= zip(chunk, reader.read(chunk), strict=True)
            except (MissingObject, ValueError):
                found |= _one_by_one(reader, chunk)
    finally:
        reader.close()
    return found


def _one_by_one(reader: CommitReader, wanted: Sequence[Oid]) -> dict[Oid, RawCommit]:
    found: dict[Oid, RawCommit] = {}
    for oid in wanted:
        try:
            (found[oid],) = reader.read([oid])
        except (MissingObject, ValueError):
            continue
    return found


def _patches(repository: Repository, pairs: Sequence[tuple[Oid, Oid]]) -> tuple[dict[Oid, Patch], dict[Oid, str]]:
    """Changes of commits; and patch ids of those whose changes are others than those of what they are paired with."""
    wanted = sorted({oid for pair in pairs for oid in pair})
    with ThreadPoolExecutor(_READERS, thread_name_prefix="patches") as pool:
        patches = {
            oid: frozenset(
                (change.path, change.old_mode, change.old_oid, change.new_mode, change.new_oid) for change in changes
            )
            for found in pool.map(lambda part: list(raw_changes(repository, part)), _parts(wanted))
            for oid, changes in found
        }
    # Two merges are not the same change because neither has one that could be read.
    silent = _read(repository.git, [oid for oid, changes in patches.items() if not changes])
    for oid, commit in silent.items():
        if len(commit.parents) > 1:
            del patches[oid]
    unlike = sorted({oid for old, new in pairs if patches.get(old) != patches.get(new) for oid in (old, new)})
    return patches, patch_ids(repository, unlike) if unlike else {}


def _verdict(pair: tuple[Oid, Oid], patches: Mapping[Oid, Patch], ids: Mapping[Oid, str]) -> PatchVerdict:
    old, new = pair
    if old == new:
        return PatchVerdict.UNTOUCHED
    if old in patches and patches[old] == patches.get(new):
        return PatchVerdict.SAME
    return PatchVerdict.SAME if old in ids and ids[old] == ids.get(new) else PatchVerdict.CHANGED


def _checks(one: Certificate, evidence: _Evidence) -> tuple[Check, ...]:
    missing = _missing(one, evidence)
    if missing:
        return tuple(
            Check(name=name, passed=False, detail=missing if name is CheckName.OBJECTS_PRESENT else "cannot be checked")
            for name in CheckName
        )
    faults = {
        CheckName.OBJECTS_PRESENT: "",
        CheckName.TARGET_IS_ANCESTOR: _behind(one, evidence),
        CheckName.LINEAR_HISTORY: _not_linear(one, evidence),
        CheckName.COMMITS_CONSERVED: _not_conserved(one, evidence),
        CheckName.AUTHORSHIP_KEPT: _not_authored(one, evidence),
        CheckName.PATCHES_KEPT: _not_kept(one, evidence),
        CheckName.TREE_AS_CERTIFIED: _other_tree(one, evidence),
        CheckName.TARGET_NOT_REVERSED: _reversed(one, evidence),
    }
    return tuple(
        Check(name=name, passed=False, detail=faults[name]) if faults[name] else PASSED[name] for name in CheckName
    )


def _missing(one: Certificate, evidence: _Evidence) -> str:
    for oid in (one.before, one.onto, one.after):
        if oid not in evidence.graph:
            return f"the history of {oid} cannot be read"
    for oid in (one.after, *(oid for pair in one.commits for oid in (pair.old, pair.new))):
        if oid not in evidence.commits:
            return f"commit {oid} cannot be read"
    if (one.onto, one.after) not in evidence.apart:
        return f"files of {one.onto} or {one.after} cannot be read"
    return ""


def _behind(one: Certificate, evidence: _Evidence) -> str:
    behind = evidence.graph.behind_count(one.after, one.onto)
    return f"{behind} commits of the target are not in the result" if behind else ""


def _not_linear(one: Certificate, evidence: _Evidence) -> str:
    graph = evidence.graph
    if one.how in NOTHING_OWN:
        return "" if one.after == one.onto else f"the result is {one.after}, not the target"
    if one.how is AlignedKind.INTEGRATED:
        parents = graph.parents(one.after)
        return "" if parents == (one.onto, one.before) else f"the merge has the parents {', '.join(parents)}"
    if one.how is AlignedKind.MERGED:
        parents = graph.parents(one.after)
        return "" if parents == (one.before, one.onto) else f"the merge has the parents {', '.join(parents)}"
    if one.how is AlignedKind.RECREATED:
        return _not_recreated(one, graph)
    at = one.after
    for pair in reversed(one.commits):
        if pair.new != at:
            return f"expected commit {pair.new}, found {at}"
        parents = graph.parents(at)
        if len(parents) != 1:
            return f"commit {at} has {len(parents)} parents"
        at = parents[0]
    return "" if at == one.onto else f"the listed commits stand on {at}, not on the target"


def _not_recreated(one: Certificate, graph: CommitGraph) -> str:
    """Above the target stand the listed commits and nothing else, each on what the parents of the old one became."""
    own = graph.own(one.before, one.onto)
    claimed = Aligned(
        how=one.how,
        before=one.before,
        after=one.after,
        onto=one.onto,
        tree=one.tree,
        rewritten=tuple(Rewrite(old=pair.old, new=pair.new) for pair in one.commits),
        dropped=one.dropped,
    )
    if fault := misplaced(
        claimed, own=own.ordered, bases=own.bases, old_parents=graph.parents, new_parents=graph.parents
    ):
        return fault
    above = set(graph.own_ids(one.after, one.onto)) ^ {pair.new for pair in one.commits}
    return f"commit {min(above)} is in the result or listed, not both" if above else ""


def _not_conserved(one: Certificate, evidence: _Evidence) -> str:
    own = set(evidence.graph.own_ids(one.before, one.onto))
    if one.how in (AlignedKind.MERGED, AlignedKind.INTEGRATED):
        lost = own - set(evidence.graph.own_ids(one.after, one.onto))
        return f"commit {min(lost)} is not in the result" if lost else ""
    told = [pair.old for pair in one.commits] + [drop.oid for drop in one.dropped]
    if len(set(told)) != len(told):
        return "a commit is named twice"
    if lost := own - set(told):
        return f"commit {min(lost)} is neither in the result nor named as dropped"
    if foreign := set(told) - own:
        return f"commit {min(foreign)} is none of the branch's own"
    for drop in one.dropped:
        if drop.reason is DropReason.UPSTREAM and drop.upstream is not None:
            if evidence.graph.own_ids(drop.upstream, one.onto) if drop.upstream in evidence.graph else True:
                return f"commit {drop.oid} is said to be upstream as {drop.upstream}, which the target has not"
            if _verdict((drop.oid, drop.upstream), evidence.patches, evidence.patch_ids) is PatchVerdict.CHANGED:
                return f"commit {drop.oid} is said to be upstream as {drop.upstream}, which makes another change"
    return ""


def _not_authored(one: Certificate, evidence: _Evidence) -> str:
    for pair in one.commits:
        old, new = evidence.commits[pair.old], evidence.commits[pair.new]
        if old.author != new.author or old.message != new.message:
            return f"commit {pair.old} lost its author, date or message in {pair.new}"
    return ""


def _not_kept(one: Certificate, evidence: _Evidence) -> str:
    for pair in one.commits:
        found = _verdict((pair.old, pair.new), evidence.patches, evidence.patch_ids)
        if found is not pair.patch:
            return f"the change of {pair.old} is {found.value} in {pair.new}, not {pair.patch.value}"
    return ""


def _other_tree(one: Certificate, evidence: _Evidence) -> str:
    tree = evidence.commits[one.after].tree
    return "" if tree == one.tree else f"the result has the tree {tree}"


def _reversed(one: Certificate, evidence: _Evidence) -> str:
    """A file of the target that is back at the base's version, though no commit of the branch that is in the result touched it.

    A commit that was dropped because the target has its change is no reason to take that change back.
    """
    mine = {change[0] for pair in one.commits for change in evidence.patches.get(pair.old, ())}
    bases = evidence.graph.own(one.before, one.onto).bases
    undone = {change.path: change.after for change in evidence.apart[one.onto, one.after]}
    if not undone or not bases:
        return ""
    for base in bases:
        theirs = evidence.apart.get((base, one.onto), ())
        touched = mine | {change.path for change in evidence.apart.get((base, one.before), ())}
        back = [
            change.path
            for change in theirs
            if change.path in undone and undone[change.path] == change.before and change.path not in touched
        ]
        if not back:
            return ""
    return f"{back[0].decode('utf-8', 'replace')} is back at what it was before the target changed it"
