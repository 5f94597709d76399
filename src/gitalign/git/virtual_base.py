"""The base that git makes up where two commits have several merge bases: it merges these first, conflicts and all.

git does so again for every pair of commits, though the made-up base depends on the merge bases alone. Here it is found once, from
what git writes while it merges such a pair. A merge on that base is then the merge that git makes with the pair itself (merge-ort.c,
merge_ort_internal: the trees of base and sides, and no more, go into the last merge; names in markers of the base are not shown).

Nothing is guessed. Of the trees that git wrote, one is taken only when git itself says, in a merge that it makes on the same merge
bases, that its base is that tree (`_is_base`). Where there is any doubt there is no answer, and git merges each pair by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from tempfile import mkdtemp

from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git.alternates import alternates_file
from gitalign.git.command import Git, text
from gitalign.git.objects import CommitWriter, read_commits
from gitalign.git.repository import Repository
from gitalign.git.trees import write_blobs, write_tree
from gitalign.shared_files import make_folder

_MOST_CANDIDATES = 6
_MOST_PATHS = 200_000
_NOBODYS = b"git-align: nothing of this is in any file\n"
_WHO = b"git-align <git-align@localhost> 0 +0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where git merges.

    Attributes:
        git: under whose attributes merges are made.
        repository: behind it. The pair has to be there: what has been merged already is not written again.
        objects: its object directory.
        timeout_s: deadline of one command in seconds.
    """

    git: Git
    repository: Repository
    objects: Path
    timeout_s: float


def virtual_base(store: Store, ours: Oid, theirs: Oid, bases: Sequence[Oid]) -> Oid | None:
    """The tree that git takes for the base of two commits with several merge bases; it is in the store then.

    Args:
        store: where git merges.
        ours, theirs: one such pair.
        bases: their merge bases.

    Returns:
        None when it is not certain. Bases of the same date are such a case: git sorts them by date.

    Source: `git help merge-tree` (--write-tree, since 2.38); commit-reach.c, get_merge_bases_many_0.
    """
    try:
        dates = {commit.committer.rsplit(b" ", 2)[1] for commit in read_commits(store.git, list(bases))}
        if len(bases) < 2 or len(dates) != len(bases):
            return None
        aside = Path(mkdtemp(prefix="virtual-", dir=store.objects))
    except (GitError, OSError, IndexError):
        return None
    try:
        return _found(store, aside, ours, theirs, bases)
    except (GitError, OSError, ValueError):
        return None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _found(store: Store, aside: Path, ours: Oid, theirs: Oid, bases: Sequence[Oid]) -> Oid | None:
    make_folder(aside / "info")
    (aside / "info" / "alternates").write_bytes(alternates_file(store.repository.object_stores()))
    git = replace(store.git, variables={**store.git.variables, "GIT_OBJECT_DIRECTORY": str(aside)})
    words = ("merge-tree", "--write-tree", "-z", "--no-messages")
    merged = git.run(*words, ours, theirs, accept=(0, 1), timeout_s=store.timeout_s).stdout
    result = Oid(text(merged.split(b"\0", 1)[0]).strip())
    written = _trees(git, aside, store)
    named = {child for children in written.values() for child in children}
    candidates = sorted(tree for tree in written if tree not in named and tree != result)
    if not 1 <= len(candidates) <= _MOST_CANDIDATES:
        return None
    beside = [*bases, *_bases_of(git, bases, store), result, *candidates]
    paths = _paths(git, beside, store)
    proved = [tree for tree in candidates if _is_base(replace(store, git=git, objects=aside), tree, bases, paths)]
    if len(proved) != 1:
        return None
    _keep(aside, store.objects)
    return proved[0]


def _trees(git: Git, aside: Path, store: Store) -> dict[Oid, set[Oid]]:
    """Trees that were written, each with the ids in it."""
    names = [f"{fan.name}{entry.name}" for fan in aside.iterdir() if len(fan.name) == 2 for entry in fan.iterdir()]
    asked = "".join(f"{name}\n" for name in names if not name[2:].startswith("tmp_")).encode("ascii")
    answer = git.run("cat-file", "--batch", stdin=asked, timeout_s=store.timeout_s).stdout
    found: dict[Oid, set[Oid]] = {}
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        oid, kind, size = text(answer[at:end]).split(" ")
        at = end + 1 + int(size) + 1
        if kind == "tree":
            found[Oid(oid)] = set(_children(answer[end + 1 : at - 1], len(oid) // 2))
    return found


def _children(tree: bytes, width: int) -> Iterable[Oid]:
    """Ids in a tree (`git help gitformat-...`: mode, blank, name, NUL, id in bytes)."""
    at = 0
    while at < len(tree):
        at = tree.index(b"\0", at) + 1
        yield Oid(tree[at : at + width].hex())
        at += width


def _bases_of(git: Git, bases: Sequence[Oid], store: Store) -> list[Oid]:
    """Merge bases of the merge bases."""
    found: dict[Oid, None] = {}
    for one, other in combinations(bases, 2):
        answer = git.run("merge-base", "--all", one, other, accept=(0, 1), timeout_s=store.timeout_s)
        found |= dict.fromkeys(map(Oid, text(answer.stdout).split()))
    return list(found)


def _paths(git: Git, trees: Sequence[Oid], store: Store) -> dict[Oid, dict[bytes, bytes]]:
    """Mode of every file, by tree and path."""
    found: dict[Oid, dict[bytes, bytes]] = {}
    for tree in dict.fromkeys(trees):
        listed = git.run("ls-tree", "-r", "-z", "--full-tree", tree, timeout_s=store.timeout_s).stdout
        files = (line.partition(b"\t") for line in listed.split(b"\0") if line)
        found[tree] = {path: meta.split(b" ", 1)[0] for meta, _, path in files}
    return found


def _is_base(store: Store, tree: Oid, bases: Sequence[Oid], paths: dict[Oid, dict[bytes, bytes]]) -> bool:
    """Whether git's base of these merge bases is that tree, as git itself has it.

    Two commits on the same merge bases are merged: one has the tree, the other one has, under every path that the base could have,
    content and a mode that the tree has not. If the base is the tree, one side changed nothing, and the result is the other side. If it
    is not, both sides changed some path, and no such merge ends clean in exactly the other side.
    """
    every = set().union(*paths.values())
    if len(every) > _MOST_PATHS or _has_folder_and_file(every):
        return False
    (blob,) = write_blobs(store.git, [_NOBODYS], object_format=store.repository.object_format)
    other = write_tree(store.git, None, {path: (_other(paths[tree].get(path)), blob) for path in every})
    writer = CommitWriter(store.objects, object_format=store.repository.object_format)
    sides = [
        new_commit(tree=side, parents=tuple(bases), author=_WHO, committer=_WHO, message=b"side\n")
        for side in (tree, other)
    ]
    words = ("merge-tree", "--write-tree", "-z", "--no-messages")
    merged = store.git.run(*words, *writer.write(sides), accept=(0, 1), timeout_s=store.timeout_s)
    return merged.returncode == 0 and text(merged.stdout.split(b"\0", 1)[0]).strip() == other


def _other(mode: bytes | None) -> str:
    return "100755" if mode == b"100644" else "100644"


def _has_folder_and_file(paths: set[bytes]) -> bool:
    """True when a file has the name of a folder: no tree holds both."""
    folders = {path[:at] for path in paths for at in range(len(path)) if path[at : at + 1] == b"/"}
    return not folders.isdisjoint(paths)


def _keep(aside: Path, objects: Path) -> None:
    """Move what was written to where everybody reads it."""
    for fan in aside.iterdir():
        if len(fan.name) != 2:
            continue
        make_folder(objects / fan.name, parents=False)
        for entry in fan.iterdir():
            with suppress(FileNotFoundError):
                entry.replace(objects / fan.name / entry.name)
