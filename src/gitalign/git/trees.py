"""Writing files and trees by plumbing, through an index of our own: no work tree, and never the user's index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitalign.core.commit import RawCommit, serialise
from gitalign.core.names import Oid
from gitalign.git.asking import retried
from gitalign.git.command import Git, text
from gitalign.git.scratch import scratch_folder

_TIMEOUT_S = 600.0
_LOOKED_AT_BYTES = 8_000  # git calls a file binary by its beginning
_ONE_BY_ONE = 4  # beyond that one process that writes all of them is quicker

TreeChanges = Mapping[bytes, tuple[str, Oid] | None]
"""Path -> mode and id of the file that is to be there, None for none."""


def blob_id(content: bytes, *, object_format: str) -> Oid:
    """The id git gives a file's content."""
    return Oid(hashlib.new(object_format, b"blob %d\0%b" % (len(content), content)).hexdigest())


def write_blobs(git: Git, contents: Sequence[bytes], *, object_format: str) -> list[Oid]:
    """Write contents as they are, without filters; their ids in the order given.

    Raises:
        GitError, OutOfSpace

    Source: `git help fast-import` (blob), `git help hash-object` (-w, --stdin).
    """
    if len(contents) <= _ONE_BY_ONE:
        words = ("hash-object", "-w", "--no-filters", "--stdin")
        return [Oid(text(git.run(*words, stdin=one, timeout_s=_TIMEOUT_S).stdout).strip()) for one in contents]
    stream = b"".join(b"blob\ndata %d\n%b\n" % (len(one), one) for one in contents)
    git.run("fast-import", "--quiet", "--done", stdin=stream + b"done\n", timeout_s=_TIMEOUT_S)
    return [blob_id(one, object_format=object_format) for one in contents]


def write_tree(git: Git, tree: Oid | None, changes: TreeChanges) -> Oid:
    """A tree with some files changed.

    Args:
        git: sees the tree, and is where the new one is written.
        tree: to start from, None for an empty one.
        changes: by path.

    Raises:
        GitError, OutOfSpace

    Source: `git help update-index` (--index-info), `git help write-tree` (--missing-ok: a partial copy lacks files no one
    touched).
    """
    zero = "0" * (len(tree) if tree else len(next((one[1] for one in changes.values() if one), "0" * 40)))
    listed = b"".join(
        b"%b %b\t%b\0" % (*((one[0].encode(), one[1].encode()) if one else (b"0", zero.encode())), path)
        for path, one in changes.items()
    )
    with scratch_folder("index") as folder:
        own = replace(git, variables={**git.variables, "GIT_INDEX_FILE": str(folder / "index")})
        if tree is not None:
            own.run("read-tree", tree, timeout_s=_TIMEOUT_S)
        own.run("update-index", "-z", "--index-info", stdin=listed, timeout_s=_TIMEOUT_S)
        return Oid(text(own.run("write-tree", "--missing-ok", timeout_s=_TIMEOUT_S).stdout).strip())


def write_commit(git: Git, commit: RawCommit) -> Oid:
    """Write a commit into the repository itself, byte for byte.

    Raises:
        GitError, OutOfSpace

    Source: `git help hash-object`, --literally: since 2.40 git refuses what fsck would complain about, such as an odd time zone,
    and a rewritten commit keeps the author it had.
    """
    words = ("hash-object", "-w", "-t", "commit", "--literally", "--stdin")
    return Oid(text(git.run(*words, stdin=serialise(commit), timeout_s=_TIMEOUT_S).stdout).strip())


def merge_file(git: Git, *, ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """git's three-way merge of one file; None when it is not clean, or a side is no text.

    Raises:
        GitError, OutOfSpace

    Source: `git help merge-file` (-p; the exit code counts the conflicts up to 127, beyond that it is an error); xdiff-interface.c,
    buffer_is_binary.
    """
    if base in (ours, theirs):
        return theirs if base == ours else ours
    if any(b"\0" in content[:_LOOKED_AT_BYTES] for content in (ours, base, theirs)):
        return None
    with scratch_folder("merge") as folder:
        places = [folder / name for name in ("ours", "base", "theirs")]
        for place, content in zip(places, (ours, base, theirs), strict=True):
            place.write_bytes(content)
        words = ("merge-file", "-p", "--quiet", *map(str, places))
        done = retried(lambda: git.run(*words, accept=range(128), cwd=str(folder), timeout_s=_TIMEOUT_S))
        return done.stdout if done.returncode == 0 else None
