"""A lane: the git processes one worker holds, and the merges all lanes of a run share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from gitalign.core.commit import RawCommit
from gitalign.core.conflict import AppliedResolution, KnownConflict
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange
from gitalign.errors import GitDied
from gitalign.git.asking import retried
from gitalign.git.attributes import AttributeFiles, MergedAs, merged_as
from gitalign.git.command import raw, text
from gitalign.git.merge import MergeAnswer, MergeProcess, MergeWire, Side
from gitalign.git.missing import Compared, missing_in
from gitalign.git.objects import CommitReader, CommitWriter, FileReader
from gitalign.git.quarantine import Quarantine
from gitalign.git.remerge import Remade, merge_again
from gitalign.git.tree_comparer import TreeComparer
from gitalign.git.trees import write_blobs, write_tree
from gitalign.integrate.shared_merges import SharedMerges
from gitalign.integrate.virtual_bases import Store
from gitalign.worktrees.disposable import DisposableTree

T = TypeVar("T")

_LOOK_EVERY = 200


@dataclass(frozen=True, slots=True)
class UnresolvedMerge:
    """A merge that a person has to look at.

    Attributes:
        known: of its files, those of which something is known.
        unresolved: paths that are not settled, each with the reason.
    """

    known: tuple[KnownConflict, ...] = ()
    unresolved: tuple[str, ...] = ()


class Rewritten(NamedTuple):
    """A rewritten commit, as far as it is of interest once it is written; there are as many of them as commits in a run."""

    oid: Oid
    tree: Oid
    is_signed: bool


@dataclass(slots=True)
class Rewrites:
    """Commits rewritten in this run, shared by all branches that contain them.

    Attributes:
        replayed: (old commit, new parents) -> the rewritten commit, or None when it became empty.
        unwritten: contents of rewritten commits that no one has written yet, by id.
        unsettled: what is known of merges that a person has to look at, by the same places.
        resolved: what was applied where git could not merge, by the same places as `replayed`; no entry where nothing was.
        carried: places of merges that hold something of the old one which git would forget.
        lock: held while a commit is signed, so that shared commits get one signature.
    """

    replayed: dict[tuple[Oid, ...], Rewritten | None] = field(default_factory=dict)
    unwritten: dict[Oid, RawCommit] = field(default_factory=dict)
    resolved: dict[tuple[Oid, ...], tuple[AppliedResolution, ...]] = field(default_factory=dict)
    unsettled: dict[tuple[Oid, ...], UnresolvedMerge] = field(default_factory=dict)
    carried: set[tuple[Oid, ...]] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)


class MergeWorker:
    """Reader, writer and merge process of one worker.

    Args:
        quarantine: where objects go.
        wire: how this git is asked to merge.
        attributes: attribute files per target id.
        shared: merges shared with the other lanes.
        timeout_s: deadline of one question to git in seconds.
    """

    def __init__(
        self,
        quarantine: Quarantine,
        *,
        wire: MergeWire,
        attributes: dict[Oid, AttributeFiles],
        shared: SharedMerges,
        timeout_s: float,
    ) -> None:
        plain = quarantine.ungated(quarantine.git)
        self._quarantine = quarantine
        self._wire = wire
        self._attributes = attributes
        self._shared = shared
        self._timeout_s = timeout_s
        self._reader = CommitReader(plain, timeout_s=timeout_s)
        self._files = FileReader(plain, timeout_s=timeout_s)
        self._trees = TreeComparer(plain, timeout_s=timeout_s)
        self._writer = CommitWriter(quarantine.objects, object_format=quarantine.repository.object_format)
        self._merger: MergeProcess | None = None
        self._merger_bench = ""
        self._merges = 0
        self.stopped_at: MergeAnswer | None = None
        """The last merge that git could not make, with the names git gave."""

    @property
    def object_format(self) -> str:
        """`sha1` or `sha256`."""
        return self._quarantine.repository.object_format

    def read(self, oids: Sequence[Oid]) -> list[RawCommit]:
        """Raw commits in the order asked."""
        return _once_more(lambda: self._reader.read(oids))

    def side(self, oid: Oid) -> Side:
        """A commit as a side of a merge."""
        (commit,) = self.read([oid])
        return Side(commit.tree, oid, commit.parents)

    def files(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents of files named `<id>` or `<tree>:<path>`; None for what is not there or longer than `most_bytes`."""
        return _once_more(lambda: self._files.read(names, most_bytes=most_bytes))

    def sizes(self, oids: Sequence[bytes]) -> list[int | None]:
        """Bytes of objects; None for what is not there."""
        return _once_more(lambda: self._files.sizes(oids))

    def changes(self, before: Oid, after: Oid) -> tuple[PathChange, ...]:
        """What changes from one commit to another."""
        one, other = self.read([before, after])
        return self.apart(one.tree, other.tree)

    def paths(self, commit: Oid) -> tuple[bytes, ...]:
        """Every file of a commit."""
        listed = self._quarantine.git.run(
            "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, timeout_s=self._timeout_s
        )
        return tuple(listed.stdout.split(b"\0")[:-1])

    def mode(self, commit: Oid, path: str) -> str | None:
        """The mode of a file of a commit; None when it has no such file."""
        words = ("ls-tree", "-z", "--full-tree", commit, "--", path)
        listed = self._quarantine.git.run(*words, timeout_s=self._timeout_s).stdout
        for line in listed.split(b"\0")[:-1]:
            meta, _, name = line.partition(b"\t")
            if name == raw(path):
                return meta.split(b" ")[0].decode("ascii")
        return None

    def missing(self, pairs: Sequence[tuple[Oid, Oid]]) -> Oid | None:
        """An object that is not there, though a merge may read it that starts from the first of each pair; None when all are there."""
        asked = {pair: Compared(after=pair[1], before=pair[0]) for pair in pairs}
        return next(iter(missing_in(self._quarantine.git, asked, with_files=True).values()), None)

    def short(self, commit: Oid) -> str:
        """The commit's id as git abbreviates it here (`core.abbrev`, and as many digits as tell it from others)."""
        if commit not in self._shared.short:
            git = self._quarantine.repository.git
            words = ("rev-parse", "--short", "--verify", "--end-of-options", commit)
            answer = text(retried(lambda: git.run(*words, timeout_s=self._timeout_s)).stdout)
            self._shared.short[commit] = answer.split()[-1]
        return self._shared.short[commit]

    def merged_as(self, target: Oid, paths: Sequence[str]) -> dict[str, MergedAs]:
        """How files are merged under the attributes of `target` (`git help gitattributes`)."""
        bench = self._quarantine.bench(self._attributes[target])
        return merged_as(bench, self._attributes[target], paths, timeout_s=self._timeout_s)

    def merge_again(self, *, ours: bytes, base: bytes, theirs: bytes) -> Remade | None:
        """The conflicts in which a merge of three contents ends, with the base shown; None when there is none."""
        return merge_again(
            self._quarantine.git,
            ours=ours,
            base=base,
            theirs=theirs,
            marker_size=MergedAs().marker_size,
            object_format=self.object_format,
        )

    def apart(self, before: Oid, after: Oid) -> tuple[PathChange, ...]:
        """What changes from one tree to another."""
        return _once_more(lambda: self._trees.compare(before, after))

    def tree_with(self, tree: Oid, files: Mapping[str, tuple[str, bytes]]) -> Oid:
        """The tree with some files written again: path -> mode and content."""
        git = self._quarantine.git

        def write() -> Oid:
            oids = write_blobs(git, [content for _, content in files.values()], object_format=self.object_format)
            changes = {raw(path): (mode, oid) for (path, (mode, _)), oid in zip(files.items(), oids, strict=True)}
            return write_tree(git, tree, changes)

        return self._quarantine.with_room(write)

    def work_tree(self, root: Path) -> DisposableTree:
        """A work tree for trees of the quarantine."""
        return DisposableTree(
            root, self._quarantine.git, objects=self._quarantine.objects, object_format=self.object_format
        )

    def write(self, commits: Sequence[RawCommit]) -> list[Oid]:
        """Write commits into the quarantine."""
        return self._quarantine.with_room(lambda: self._writer.write(commits))

    def merge(self, target: Oid, *, base: Side | None, ours: Side, theirs: Side) -> MergeAnswer:
        """Three-way merge under the attributes of `target`; equal triples are merged once per run."""
        if base is not None and (base.tree == ours.tree or ours.tree == theirs.tree):
            # Nothing to merge: ours changed nothing, or both sides are the same tree (git's trivial merge).
            self._shared.note_trivial()
            return MergeAnswer(True, theirs.tree)
        if base is not None and base.tree == theirs.tree:
            self._shared.note_trivial()
            return MergeAnswer(True, ours.tree)
        bench = self._bench(target)
        triple = (bench, base.tree if base else "", ours.tree, theirs.tree)
        return self._noted(
            self._shared.answer(
                triple, lambda: self._asked(lambda: self._process(target).merge(base=base, ours=ours, theirs=theirs))
            )
        )

    def bases(self, ours: Oid, theirs: Oid) -> tuple[Oid, ...]:
        """Merge bases of two commits that are written, best ones only, in git's order; empty for unrelated ones.

        Source: `git help merge-base` (--all; exits with 1 when there is none).
        """
        key = (ours, theirs)
        if key not in self._shared.bases:
            words = ("merge-base", "--all", ours, theirs)
            done = self._quarantine.git.run(*words, accept=(0, 1), timeout_s=self._timeout_s)
            self._shared.bases[key] = tuple(Oid(word) for word in text(done.stdout).split())
        return self._shared.bases[key]

    def merge_histories(self, target: Oid, ours: Oid, theirs: Oid, *, bases: Sequence[Oid] = ()) -> MergeAnswer:
        """Merge two commits on the bases git finds, under the attributes of `target`.

        Args:
            target: whose attributes count.
            ours, theirs: the two commits.
            bases: their merge bases, where they are known: what git makes of several ones is made once for all that have them.
        """
        triple = (self._bench(target), "history", ours, theirs)

        def merge() -> MergeAnswer:
            base = self._virtual_base(target, ours, theirs, bases) if len(bases) > 1 else None
            if base is None:
                return self._process(target).merge_histories(ours, theirs)
            return self._process(target).merge(base=Side(base), ours=self.side(ours), theirs=self.side(theirs))

        return self._noted(self._shared.answer(triple, lambda: self._asked(merge)))

    def _virtual_base(self, target: Oid, ours: Oid, theirs: Oid, bases: Sequence[Oid]) -> Oid | None:
        if not self._shared.virtual.is_expected(bases):
            return None
        bench = self._quarantine.ungated(self._quarantine.bench(self._attributes[target]))
        repository, objects = self._quarantine.repository, self._quarantine.objects
        store = Store(git=bench, repository=repository, objects=objects, timeout_s=self._timeout_s)
        return self._shared.virtual.get(store, ours, theirs, bases)

    def close(self) -> None:
        """End every process of the lane."""
        self._reader.close()
        self._files.close()
        self._trees.close()
        if self._merger is not None:
            self._merger.close()
            self._merger = None

    def _noted(self, answer: MergeAnswer) -> MergeAnswer:
        if not answer.is_clean:
            self.stopped_at = answer
        return answer

    def _asked(self, merge: Callable[[], MergeAnswer]) -> MergeAnswer:
        """A merge made by git; when memory was not enough for its objects, made again on disk."""
        self._merges += 1
        if self._merges % _LOOK_EVERY == 0:
            self._quarantine.keep_within_bounds()
        return self._quarantine.with_room(lambda: _once_more(merge))

    def _bench(self, target: Oid) -> str:
        return self._quarantine.bench(self._attributes[target]).git_dir

    def _process(self, target: Oid) -> MergeProcess:
        bench = self._quarantine.bench(self._attributes[target])
        if self._merger is None or self._merger_bench != bench.git_dir:
            if self._merger is not None:
                self._merger.close()
            self._merger = MergeProcess(
                self._quarantine.ungated(bench), wire=self._wire, writer=self._writer, timeout_s=self._timeout_s
            )
            self._merger_bench = bench.git_dir
        return self._merger


def _once_more(call: Callable[[], T]) -> T:
    """Ask again, once, when the process that was asked had been killed; its successor starts afresh."""
    try:
        return call()
    except GitDied:
        return call()
