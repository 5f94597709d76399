"""Reading commits through a long-lived git process, and writing them into a quarantine.

One reader and one writer per worker; neither is thread-safe.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gitalign.child import ChildEnded, ChildTimedOut, Conversation
from gitalign.core.commit import RawCommit, commit_id, parse_commit, serialise
from gitalign.core.names import Oid
from gitalign.errors import GitCrashed, GitDied, GitError, GitTimedOut, MissingObject, OutOfSpace
from gitalign.git.asking import cut_short, retried
from gitalign.git.command import Git, failure_of, said_in, text
from gitalign.git.deflating import deflated
from gitalign.shared_files import make_folder

_BODIES_AT_ONCE = 5_000
_BODIES_TIMEOUT_S = 600.0


class Answering:
    """A git process that is started when first asked and started again after it ended."""

    words: tuple[str, ...] = ()

    def __init__(self, git: Git, *, timeout_s: float) -> None:
        self._git = git
        self._timeout_s = timeout_s
        self._conversation: Conversation | None = None

    def start(self) -> None:
        """Start the process now. It ends with the thread that started it (`man prctl`, PR_SET_PDEATHSIG)."""
        self._talk()

    def close(self) -> None:
        """End the process."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def _talk(self) -> Conversation:
        if self._conversation is None:
            self._conversation = self._git.converse(*self.words)
        return self._conversation

    def _lost(self, error: ChildEnded | ChildTimedOut) -> GitError:
        self.close()
        if isinstance(error, ChildTimedOut):
            return GitTimedOut(
                f"git {self.words[0]}: no answer within {self._timeout_s:g} s",
                hint="raise integration_timeout_seconds, or look at what slows git down",
            )
        return lost(self._git.argv(*self.words), error)


def lost(argv: Sequence[str], error: ChildEnded) -> GitError:
    """The error for a conversation that ended early: what git said, or that it was killed."""
    if error.returncode in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        said = said_in(error.stderr)[-300:]
        return GitCrashed(
            f"git {argv[1]} crashed: {said or f'signal {-error.returncode}'}",
            hint="this is a bug of git on these commits; a newer git, or merging by hand in steps, may get past it",
        )
    if error.returncode is None or error.returncode < 0:
        return GitDied(f"git {argv[1]} was ended by signal {-(error.returncode or 0)}", hint="run again")
    return failure_of(argv, error.returncode, error.stderr)


class CommitReader(Answering):
    """Raw commits by id, kept (bounded) because neighbours ask for the same ones."""

    # Without --buffer git flushes after every object (`git help cat-file`); one question at a time needs that.
    words = ("cat-file", "--batch")
    _KEPT = 1024

    def __init__(self, git: Git, *, timeout_s: float) -> None:
        super().__init__(git, timeout_s=timeout_s)
        self._known: dict[str, RawCommit] = {}

    def read(self, oids: Sequence[Oid]) -> list[RawCommit]:
        """Commits in the order asked.

        Raises:
            MissingObject: one is not in the repository.
            GitTimedOut, GitDied, GitError
        """
        missing = [oid for oid in oids if oid not in self._known]
        if missing:
            if len(self._known) + len(missing) > self._KEPT:
                self._known.clear()
                missing = list(dict.fromkeys(oids))
            self._fetch(list(dict.fromkeys(missing)))
        return [self._known[oid] for oid in oids]

    def _fetch(self, oids: Sequence[Oid]) -> None:
        deadline = time.monotonic() + self._timeout_s
        try:
            talk = self._talk()
            talk.send("".join(f"{oid}\n" for oid in oids).encode("ascii"), deadline=deadline)
            for index, oid in enumerate(oids):
                head = talk.read_until(b"\n", deadline=deadline).split(b" ")
                if len(head) != 3 or head[1] != b"commit":
                    # The remaining answers would be read as those of another question.
                    self.close()
                    what = text(b" ".join(head[1:])) or "unreadable"
                    raise MissingObject(
                        f"commit {oid}: {what} (object {index + 1} of {len(oids)})",
                        hint="fetch the missing objects, then run again",
                    )
                data = talk.read(int(head[2]) + 1, deadline=deadline)[:-1]
                self._known[oid] = parse_commit(data)
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error


class FileReader(Answering):
    """Contents of files by id, or by tree and path. The size is asked for first: a long file is never read."""

    words = ("cat-file", "--batch-command")

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents in the order asked; None for what is not there, is no file, or is longer than `most_bytes`.

        Args:
            names: `<id>` or `<tree>:<path>`; a path with a line break cannot be asked for, and is not there.
            most_bytes: bound on what is read of each.

        Raises:
            GitTimedOut, GitDied, GitError
        """
        deadline = time.monotonic() + self._timeout_s
        asked = [name for name in names if b"\n" not in name]
        try:
            talk = self._talk()
            talk.send(b"".join(b"info %b\n" % name for name in asked), deadline=deadline)
            short: dict[bytes, bytes] = {}
            for name in asked:
                # What is not there is answered with its name, which may hold blanks, and one word.
                oid, kind, size = (b"  " + talk.read_until(b"\n", deadline=deadline)).rsplit(b" ", 2)
                if kind == b"blob" and size.isdigit() and int(size) <= most_bytes:
                    short[name] = oid.strip()
            contents: dict[bytes, bytes] = {}
            talk.send(b"".join(b"contents %b\n" % oid for oid in short.values()), deadline=deadline)
            for name in short:
                size = talk.read_until(b"\n", deadline=deadline).rpartition(b" ")[2]
                if not size.isdigit():
                    self.close()
                    raise MissingObject(f"file {text(name)} is gone", hint="fetch the missing objects, then run again")
                contents[name] = talk.read(int(size) + 1, deadline=deadline)[:-1]
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error
        return [contents.get(name) for name in names]

    def sizes(self, oids: Sequence[bytes]) -> list[int | None]:
        """Bytes of objects in the order asked; None for what is not there.

        Raises:
            GitTimedOut, GitDied, GitError
        """
        deadline = time.monotonic() + self._timeout_s
        found: list[int | None] = []
        try:
            talk = self._talk()
            talk.send(b"".join(b"info %b\n" % oid for oid in oids), deadline=deadline)
            for _ in oids:
                size = talk.read_until(b"\n", deadline=deadline).rpartition(b" ")[2]
                found.append(int(size) if size.isdigit() else None)
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error
        return found


class CommitWriter:
    """Writes commit objects into the quarantine's own store, as loose objects.

    The store is private and short-lived: whatever of it is wanted is packed by git afterwards, which reckons every id
    again (`index-pack`), so a wrong byte here could only make a run fail. No process has to be asked, which matters: a
    run writes a commit or two for every merge.

    Format: zlib of `commit <size>\\0<body>`, named by its digest (gitformat-loose, `git help gitrepository-layout`).

    Args:
        objects: the quarantine's object directory.
        object_format: `sha1` or `sha256`.
    """

    _numbers = itertools.count()

    def __init__(self, objects: Path, *, object_format: str) -> None:
        self._objects = str(objects)
        self._object_format = object_format
        self._stem = f"{self._objects}/tmp_align_{os.getpid()}_{next(self._numbers)}"
        self._folders: set[str] = set()

    def write(self, commits: Sequence[RawCommit]) -> list[Oid]:
        """Write commits and return their ids.

        Raises:
            OutOfSpace
        """
        return [self.write_bytes(serialise(commit)) for commit in commits]

    def write_bytes(self, body: bytes) -> Oid:
        """Write one commit and return its id.

        Raises:
            OutOfSpace
        """
        oid = commit_id(body, object_format=self._object_format)
        folder = f"{self._objects}/{oid[:2]}"
        try:
            if folder not in self._folders:
                make_folder(Path(folder), parents=False)
                self._folders.add(folder)
            handle = os.open(self._stem, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
            try:
                view = memoryview(deflated(b"commit %d\0%b" % (len(body), body), 1))
                while view:
                    view = view[os.write(handle, view) :]
            finally:
                os.close(handle)
            # Renamed into place whole: another worker may be reading the same object.
            try:
                os.rename(self._stem, f"{folder}/{oid[2:]}")
            except FileNotFoundError:
                # The store moved from memory to disk since the folder was made.
                make_folder(Path(folder), parents=False)
                os.rename(self._stem, f"{folder}/{oid[2:]}")
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or folder}: {error.strerror}", hint="free space, then: git align resume"
            ) from error
        return oid


def read_commits(git: Git, oids: Sequence[Oid], *, timeout_s: float = 120.0) -> list[RawCommit]:
    """A few raw commits in the order asked, by a process that ends with the answer.

    Raises:
        GitError and its children.
    """
    reader = CommitReader(git, timeout_s=timeout_s)
    try:
        return reader.read(list(oids))
    finally:
        reader.close()


def bodies(git: Git, oids: Sequence[Oid], *, kind: bytes) -> Iterator[tuple[Oid, bytes]]:
    """Contents of those of the objects that are there and of one kind, whole lists per process.

    Args:
        git: sees them.
        oids: which ones.
        kind: `commit`, `tree` or `blob`.

    Raises:
        GitError

    Source: `git help cat-file` (--batch; "<object> missing").
    """
    for start in range(0, len(oids), _BODIES_AT_ONCE):
        asked = "".join(f"{oid}\n" for oid in oids[start : start + _BODIES_AT_ONCE]).encode("ascii")
        yield from retried(lambda asked=asked: _bodies(git, asked, kind))  # type: ignore[misc]


def _bodies(git: Git, asked: bytes, kind: bytes) -> list[tuple[Oid, bytes]]:
    answer = git.run("cat-file", "--batch", "--buffer", stdin=asked, timeout_s=_BODIES_TIMEOUT_S).stdout
    found: list[tuple[Oid, bytes]] = []
    at = answers = 0
    while at < len(answer):
        end = answer.find(b"\n", at)
        oid, _, rest = answer[at:end].partition(b" ")
        what, _, size = rest.partition(b" ")
        at = end + 1
        answers += 1
        if size:
            if what == kind:
                found.append((Oid(oid.decode("ascii")), answer[at : at + int(size)]))
            at += int(size) + 1
    if at != len(answer) or answers != asked.count(b"\n"):
        raise cut_short("cat-file --batch", answers, asked.count(b"\n"))
    return found
