"""Which objects that comparisons stand on are not in the repository. Asked only after a comparison failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from gitalign.core.names import Oid
from gitalign.git.asking import absent, cut_short, retried
from gitalign.git.command import Git

_TIMEOUT_S = 600.0
_COMPARED_AT_ONCE = 100
"""Comparisons whose trees are held in memory together."""
_TREE, _COMMIT = b"40000", b"160000"

Q = TypeVar("Q")


class Compared(NamedTuple):
    """Two commits whose trees are compared; `before` None stands for the first parent, or nothing for a root commit."""

    after: Oid
    before: Oid | None = None


class _Commit(NamedTuple):
    tree: Oid
    parents: tuple[Oid, ...]


def missing_in(git: Git, asked: Mapping[Q, Compared], *, with_files: bool) -> dict[Q, Oid]:
    """Comparisons that read an object which is not there, each with one such object.

    Args:
        git: sees the commits.
        asked: what is compared.
        with_files: whether contents of changed files are read, too.

    Raises:
        GitError
    """
    found: dict[Q, Oid] = {}
    names = list(asked)
    for start in range(0, len(names), _COMPARED_AT_ONCE):
        chunk = {name: asked[name] for name in names[start : start + _COMPARED_AT_ONCE]}
        found |= _Search[Q](git).through(chunk, with_files=with_files)
    return found


def missing_below(git: Git, commit: Oid) -> Oid | None:
    """A folder of a commit that is not there, or the commit itself; None when all are.

    Raises:
        GitError
    """
    words = ("rev-list", "--objects", "--no-walk", "--filter=blob:none", "--missing=print", "--quiet", "--stdin")
    if absent(git, [commit]):
        return commit
    listed = retried(lambda: git.run(*words, stdin=f"{commit}\n".encode("ascii"), timeout_s=_TIMEOUT_S)).stdout
    return next((Oid(line[1:].decode("ascii")) for line in listed.split(b"\n") if line.startswith(b"?")), None)


def missing_of(git: Git, commits: Iterable[Oid]) -> frozenset[Oid]:
    """Folders and files of these commits that are not there.

    Raises:
        GitError: also when a commit is not there itself.

    Source: `git help rev-list` (--missing=print).
    """
    words = ("rev-list", "--objects", "--no-walk", "--missing=print", "--quiet", "--stdin")
    stdin = "".join(f"{commit}\n" for commit in commits).encode("ascii")
    listed = retried(lambda: git.run(*words, stdin=stdin, timeout_s=_TIMEOUT_S)).stdout
    return frozenset(Oid(line[1:].decode("ascii")) for line in listed.split(b"\n") if line.startswith(b"?"))


@dataclass
class _Search(Generic[Q]):
    git: Git
    found: dict[Q, Oid] = field(default_factory=dict)

    def through(self, asked: Mapping[Q, Compared], *, with_files: bool) -> dict[Q, Oid]:
        """Level by level, so that one process reads all trees of a level."""
        level = list(self._roots(asked))
        files: list[tuple[Q, Oid]] = []
        while level:
            trees = self._trees({oid for _, pair in level for oid in pair if oid is not None})
            below: list[tuple[Q, tuple[Oid | None, Oid | None]]] = []
            for name, pair in level:
                lost = next((oid for oid in pair if oid is not None and oid not in trees), None)
                if lost is not None:
                    self.found.setdefault(name, lost)
                    continue
                for mode, one, other in _unlike(*(trees[oid] if oid is not None else {} for oid in pair)):
                    if mode == _TREE:
                        below.append((name, (one, other)))
                    else:
                        files += [(name, oid) for oid in (one, other) if oid is not None]
            level = below
        if with_files:
            gone = absent(self.git, {oid for _, oid in files})
            for name, oid in files:
                if oid in gone:
                    self.found.setdefault(name, oid)
        return self.found

    def _roots(self, asked: Mapping[Q, Compared]) -> Iterator[tuple[Q, tuple[Oid | None, Oid | None]]]:
        commits = self._commits({oid for pair in asked.values() for oid in pair if oid is not None})
        parents = {
            commits[pair.after].parents[0]
            for pair in asked.values()
            if pair.before is None and pair.after in commits and len(commits[pair.after].parents) == 1
        }
        commits |= self._commits(parents - commits.keys())
        for name, pair in asked.items():
            if pair.after not in commits:
                self.found[name] = pair.after
                continue
            after, before = commits[pair.after], pair.before
            if before is None:
                if len(after.parents) > 1:
                    continue  # nothing of a merge is compared
                before = next(iter(after.parents), None)
            if before is None:
                yield name, (None, after.tree)
            elif before not in commits:
                self.found[name] = before
            elif commits[before].tree != after.tree:
                yield name, (commits[before].tree, after.tree)

    def _commits(self, oids: Iterable[Oid]) -> dict[Oid, _Commit]:
        """Those that are there, with the parents git goes by (none where a shallow copy is cut off)."""
        wanted = sorted(set(oids))
        wanted = sorted(set(wanted) - absent(self.git, wanted))
        if not wanted:
            return {}
        words = ("rev-list", "--no-walk=unsorted", "--no-commit-header", "--format=%H %T %P", "--stdin")
        stdin = "\n".join(wanted).encode("ascii") + b"\n"
        listed = retried(lambda: self.git.run(*words, stdin=stdin, timeout_s=_TIMEOUT_S)).stdout.decode("ascii")
        found: dict[Oid, _Commit] = {}
        for line in listed.splitlines():
            oid, tree, *parents = line.split()
            found[Oid(oid)] = _Commit(Oid(tree), tuple(map(Oid, parents)))
        if found.keys() != set(wanted):
            raise cut_short("rev-list", len(found), len(wanted))
        return found

    def _trees(self, oids: Iterable[Oid]) -> dict[Oid, dict[bytes, tuple[bytes, Oid]]]:
        """Name -> mode and id, for each tree that is there."""
        wanted = sorted(set(oids))
        return retried(lambda: self._read_trees(wanted))

    def _read_trees(self, wanted: Sequence[Oid]) -> dict[Oid, dict[bytes, tuple[bytes, Oid]]]:
        asked = "".join(f"{oid}\n" for oid in wanted).encode("ascii")
        answer = self.git.run("cat-file", "--batch", stdin=asked, timeout_s=_TIMEOUT_S).stdout
        found: dict[Oid, dict[bytes, tuple[bytes, Oid]]] = {}
        at = 0
        for number, oid in enumerate(wanted):
            end = answer.find(b"\n", at)
            if end < 0:
                raise cut_short("cat-file --batch", number, len(wanted))
            size = answer[at:end].rpartition(b" ")[2]
            at = end + 1
            if size.isdigit():
                found[oid] = _entries(answer[at : at + int(size)], raw_bytes=len(oid) // 2)
                at += int(size) + 1
        if at != len(answer):
            raise cut_short("cat-file --batch", len(wanted) - 1, len(wanted))
        return found


def _entries(tree: bytes, *, raw_bytes: int) -> dict[bytes, tuple[bytes, Oid]]:
    """Entries of a raw tree: `<mode> <name>\\0<id>` (Documentation/gitformat-pack, tree objects)."""
    found: dict[bytes, tuple[bytes, Oid]] = {}
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, _, name = tree[at:end].partition(b" ")
        at = end + 1 + raw_bytes
        found[name] = (mode, Oid(tree[end + 1 : at].hex()))
    return found


def _unlike(
    before: Mapping[bytes, tuple[bytes, Oid]], after: Mapping[bytes, tuple[bytes, Oid]]
) -> Iterator[tuple[bytes, Oid | None, Oid | None]]:
    """(mode, one id, other id) of what differs; a folder that became a file is reported as two."""
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if one is not None and other is not None and one[0] == other[0] == _TREE:
            yield _TREE, one[1], other[1]
            continue
        if one is not None and one[0] != _COMMIT:
            yield one[0], one[1], None
        if other is not None and other[0] != _COMMIT:
            yield other[0], None, other[1]
