"""Raw commit objects: read and rewritten as bytes, so that messages and encodings survive untouched.

Pure: no object is read or written here. The format is git's own (`git help hash-object`, Documentation of commit objects):
header lines, continuation lines that begin with a space, an empty line, the message.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gitalign.core.names import Oid

_SIGNATURES = frozenset({b"gpgsig", b"gpgsig-sha256"})
_REPLACED = frozenset({b"tree", b"parent", b"author", b"committer"})
# Held once for all commits.
_NAMES = {name: name for name in (b"tree", b"parent", b"author", b"committer", b"encoding", b"gpgsig")}
# `mergetag` quotes the tag of a merged parent; a rewritten single-parent commit has none.
STALE_HEADERS = _SIGNATURES | {b"mergetag"}
"""Headers that a rewritten commit does not keep."""
FOREIGN_CONFLICT_HEADERS = frozenset({b"jj:trees", b"jj:conflict-labels", b"gitbutler-conflicted"})
"""Headers with which other tools say 'this commit holds an unresolved conflict'."""


@dataclass(frozen=True, slots=True)
class RawCommit:
    """A commit object taken apart.

    Attributes:
        headers: (name, value) in order; values keep their continuation lines, without the leading spaces.
        message: raw bytes, in the encoding the `encoding` header names.
    """

    headers: tuple[tuple[bytes, bytes], ...]
    message: bytes

    @property
    def tree(self) -> Oid:
        """Id of the commit's tree."""
        return Oid(self._one(b"tree").decode("ascii"))

    @property
    def parents(self) -> tuple[Oid, ...]:
        """Ids of the parents, in order."""
        return tuple(Oid(value.decode("ascii")) for name, value in self.headers if name == b"parent")

    @property
    def author(self) -> bytes:
        """The author line's value, byte for byte."""
        return self._one(b"author")

    @property
    def committer(self) -> bytes:
        """The committer line's value, byte for byte."""
        return self._one(b"committer")

    @property
    def is_signed(self) -> bool:
        """True when the commit carries a signature."""
        return any(name in _SIGNATURES for name, _ in self.headers)

    @property
    def foreign_conflict(self) -> str | None:
        """Name of the header with which another tool marks an unresolved conflict, None when there is none."""
        return next((name.decode("ascii") for name, _ in self.headers if name in FOREIGN_CONFLICT_HEADERS), None)

    @property
    def subject(self) -> str:
        """First line of the message for people; undecodable bytes replaced."""
        return self._decoded(self.message.lstrip(b"\n").split(b"\n", 1)[0])

    @property
    def text(self) -> str:
        """The whole message for people; undecodable bytes replaced."""
        return self._decoded(self.message)

    def _decoded(self, data: bytes) -> str:
        encoding = next(
            (value.decode("ascii", "replace") for name, value in self.headers if name == b"encoding"), "utf-8"
        )
        try:
            return data.decode(encoding, "replace")
        except (LookupError, ValueError):  # a codec no one has, or one that refuses to replace
            return data.decode("utf-8", "replace")

    def _one(self, wanted: bytes) -> bytes:
        for name, value in self.headers:
            if name == wanted:
                return value
        return b""


def parse_commit(data: bytes) -> RawCommit:
    """Take a raw commit apart.

    Raises:
        ValueError: when it has no tree header, as no commit can be.
    """
    head, _, message = data.partition(b"\n\n")
    if head.endswith(b"\n") and not message:
        head = head[:-1]
    headers: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            name, value = headers[-1]
            headers[-1] = (name, value + b"\n" + line[1:])
        else:
            name, _, value = line.partition(b" ")
            headers.append((_NAMES.get(name, name), value))
    if not headers or headers[0][0] != b"tree":
        raise ValueError("not a commit object")
    return RawCommit(tuple(headers), message)


def serialise(commit: RawCommit) -> bytes:
    """The bytes of a commit object; `serialise(parse_commit(x)) == x` for every well-formed x."""
    lines = [name + b" " + value.replace(b"\n", b"\n ") for name, value in commit.headers]
    return b"\n".join(lines) + b"\n\n" + commit.message


def rewritten(commit: RawCommit, *, tree: str, parents: tuple[str, ...], committer: bytes | None) -> RawCommit:
    """The same commit on another tree and other parents.

    Author, message, encoding and foreign headers stay byte for byte; signatures are left out, for they no longer hold.

    Args:
        committer: the new committer value, None to keep the old one.
    """
    headers: list[tuple[bytes, bytes]] = [(b"tree", tree.encode("ascii"))]
    headers += [(b"parent", parent.encode("ascii")) for parent in parents]
    headers.append((b"author", commit.author))
    headers.append((b"committer", commit.committer if committer is None else committer))
    headers += [(name, value) for name, value in commit.headers if name not in _REPLACED and name not in STALE_HEADERS]
    return RawCommit(tuple(headers), commit.message)


def new_commit(*, tree: str, parents: tuple[str, ...], author: bytes, committer: bytes, message: bytes) -> RawCommit:
    """A commit made from nothing; the message is UTF-8."""
    headers: list[tuple[bytes, bytes]] = [(b"tree", tree.encode("ascii"))]
    headers += [(b"parent", parent.encode("ascii")) for parent in parents]
    headers += [(b"author", author), (b"committer", committer)]
    return RawCommit(tuple(headers), message)


def unseen_commit(tree: str, *parents: str) -> RawCommit:
    """A commit that only stands for a tree in a merge and is thrown away: the same every time, never seen."""
    who = b"git-align <git-align@localhost> 0 +0000"
    return new_commit(tree=tree, parents=parents, author=who, committer=who, message=b"")


def with_signature(commit: RawCommit, signature: bytes, *, object_format: str) -> RawCommit:
    """The commit with a signature over its unsigned bytes (`git help commit`, --gpg-sign)."""
    header = b"gpgsig" if object_format == "sha1" else b"gpgsig-sha256"
    headers = list(commit.headers)
    at = next(index for index, (name, _) in enumerate(headers) if name == b"committer") + 1
    headers.insert(at, (header, signature.rstrip(b"\n")))
    return RawCommit(tuple(headers), commit.message)


def commit_id(data: bytes, *, object_format: str) -> Oid:
    """Id that git gives these commit bytes."""
    digest = hashlib.sha1 if object_format == "sha1" else hashlib.sha256
    return Oid(digest(b"commit %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest())
