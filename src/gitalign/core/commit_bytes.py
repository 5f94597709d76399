"""Commits as bytes, for replaying thousands of them: read by one pattern, written by one format.

Pure. Results are those of `core.commit`, byte for byte; a commit with unusual headers is read by it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gitalign.core.commit import STALE_HEADERS, RawCommit, parse_commit
from gitalign.core.names import Oid

_PLAIN = re.compile(rb"tree ([0-9a-f]+)\n((?:parent [0-9a-f]+\n)*)author ([^\n]*)\ncommitter ([^\n]*)\n\n")
_REPLACED = frozenset({b"tree", b"parent", b"author", b"committer"})


class CommitBytes(NamedTuple):
    """A commit, as far as replaying it needs it.

    Attributes:
        more: further header lines that a replayed commit keeps, each with its line end.
        foreign_conflict: whether another tool marks an unresolved conflict in it.
    """

    tree: Oid
    parents: tuple[Oid, ...]
    author: bytes
    committer: bytes
    more: bytes
    message: bytes
    is_signed: bool = False
    foreign_conflict: bool = False


def commit_bytes(data: bytes) -> CommitBytes:
    """Take a raw commit apart.

    Raises:
        ValueError: when it has no tree header, as no commit can be.
    """
    plain = _PLAIN.match(data)
    if plain is not None:
        tree, parents, author, committer = plain.groups()
        return CommitBytes(
            Oid(tree.decode("ascii")),
            tuple(Oid(word) for word in parents.decode("ascii").split()[1::2]) if parents else (),
            author,
            committer,
            b"",
            data[plain.end() :],
        )
    commit = parse_commit(data)
    kept = [(name, value) for name, value in commit.headers if name not in _REPLACED and name not in STALE_HEADERS]
    return CommitBytes(
        commit.tree,
        commit.parents,
        commit.author,
        commit.committer,
        b"".join(b"%b %b\n" % (name, value.replace(b"\n", b"\n ")) for name, value in kept),
        commit.message,
        commit.is_signed,
        commit.foreign_conflict is not None,
    )


def replayed(commit: CommitBytes, *, tree: str, parent: str, committer: bytes | None) -> bytes:
    """The bytes of the same commit on another tree and another parent, as `core.commit.rewritten` makes it.

    Args:
        committer: the new committer value, None to keep the old one.
    """
    return b"tree %b\nparent %b\nauthor %b\ncommitter %b\n%b\n%b" % (
        tree.encode("ascii"),
        parent.encode("ascii"),
        commit.author,
        commit.committer if committer is None else committer,
        commit.more,
        commit.message,
    )


def subject_of(commit: CommitBytes) -> str:
    """First line of the message for people, as `core.commit` decodes it."""
    encoding = next((line[9:] for line in commit.more.split(b"\n") if line.startswith(b"encoding ")), None)
    return RawCommit(() if encoding is None else ((b"encoding", encoding),), commit.message).subject


def keeps_author_and_message(old: CommitBytes, new: bytes) -> bool:
    """Whether a commit that was made from another one has its author and its message, read from the new bytes themselves."""
    head, _, message = new.partition(b"\n\n")
    return message == old.message and (b"\nauthor %b\n" % old.author) in head
