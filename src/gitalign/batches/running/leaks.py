"""Looking for secrets in what a task made: contents of every file of every commit, names of files, messages and authors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gitalign.batches.running.redaction import names_in
from gitalign.batches.running.secrets import SecretBook
from gitalign.batches.running.state import SecretLeak
from gitalign.core.names import Oid, display
from gitalign.errors import GitError
from gitalign.git.command import Git

_AT_ONCE_BYTES = 32 * 1024**2
_MOST_BYTES = 256 * 1024**2
_MOST_NAMED = 20
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class _Object:
    """A new object, and where it is: a path, or nothing for a commit and the top folder."""

    oid: str
    path: str
    kind: str
    size: int

    @property
    def place(self) -> str:
        """As it is named in a report."""
        if self.kind == "commit":
            return f"commit {self.oid[:12]}"
        return f"a name in {display(self.path) or 'the top folder'}" if self.kind == "tree" else display(self.path)


def find_leaks(git: Git, book: SecretBook, tip: Oid, base: Oid) -> tuple[SecretLeak, ...]:
    """Secrets of the run in what lies between two commits, with their places; an intermediate commit counts as well.

    Args:
        git: of the repository, which has the objects.
        book: of the run.
        tip: a result.
        base: the commit that its task started from.

    Raises:
        GitError: something cannot be read, or is too large to be searched; that says nothing about the result.
    """
    if not book.forms:
        return ()
    found: dict[SecretLeak, None] = {}
    for some in _groups(_objects(git, tip, base)):
        for one, content in zip(some, _contents(git, some), strict=True):
            for name in names_in(content, book.forms):
                found[SecretLeak(secret=name, place=book.redacted(one.place))] = None
    return tuple(found)[:_MOST_NAMED]


def leak_words(leaks: Sequence[SecretLeak]) -> str:
    """Leaks in one line."""
    names = dict.fromkeys(leak.secret for leak in leaks)
    by_name = [f"{name} in {', '.join(leak.place for leak in leaks if leak.secret == name)}" for name in names]
    return f"its result holds secrets and cannot land: {'; '.join(by_name)}"


def _objects(git: Git, tip: Oid, base: Oid) -> Iterator[_Object]:
    """Every object that the tip has and the base has not."""
    wanted = f"{tip}\n^{base}\n".encode("ascii")
    listed = git.lines("rev-list", "--objects", "--stdin", stdin=wanted, timeout_s=_TIMEOUT_S)
    paths = dict(line.partition(" ")[::2] for line in listed)
    asked = "".join(f"{oid}\n" for oid in paths).encode("ascii")
    for line in git.lines("cat-file", "--batch-check", "--buffer", stdin=asked, timeout_s=_TIMEOUT_S):
        oid, kind, *size = line.split(" ")
        if len(size) != 1:
            raise GitError(f"object {oid} cannot be read: {kind}")
        if int(size[0]) > _MOST_BYTES:
            raise GitError(f"{display(paths[oid])} is too large to be searched for secrets: {size[0]} bytes")
        yield _Object(oid, paths[oid], kind, int(size[0]))


def _groups(objects: Iterator[_Object]) -> Iterator[list[_Object]]:
    """Objects that are read in one go."""
    group: list[_Object] = []
    total = 0
    for one in objects:
        if group and total + one.size > _AT_ONCE_BYTES:
            yield group
            group, total = [], 0
        group.append(one)
        total += one.size
    if group:
        yield group


def _contents(git: Git, objects: Sequence[_Object]) -> Iterator[bytes]:
    asked = "".join(f"{one.oid}\n" for one in objects).encode("ascii")
    answer = git.run("cat-file", "--batch", "--buffer", stdin=asked, timeout_s=_TIMEOUT_S).stdout
    at = 0
    for one in objects:
        heading = f"{one.oid} {one.kind} {one.size}\n".encode("ascii")
        if not answer.startswith(heading, at):
            raise GitError(f"object {one.oid} cannot be read")
        at += len(heading)
        yield answer[at : at + one.size]
        at += one.size + 1
