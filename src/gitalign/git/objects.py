"""Reading and writing commit objects through long-lived git processes.

One `CommitReader` and one `CommitWriter` per worker; neither is thread-safe.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from gitalign.child import ChildEnded, ChildTimedOut, Conversation
from gitalign.core.commit import RawCommit, commit_id, parse_commit, serialise
from gitalign.core.names import Oid
from gitalign.errors import GitCrashed, GitDied, GitError, GitTimedOut, InvariantBroken, MissingObject, OutOfSpace
from gitalign.git.command import Git, failure_of, text


class _Answering:
    """A git process that is started when first asked and started again after it ended."""

    words: tuple[str, ...] = ()

    def __init__(self, git: Git, *, timeout_s: float) -> None:
        self._git = git
        self._timeout_s = timeout_s
        self._conversation: Conversation | None = None

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
        said = text(error.stderr).strip()[-300:]
        return GitCrashed(
            f"git {argv[1]} crashed: {said or f'signal {-error.returncode}'}",
            hint="this is a bug of git on these commits; a newer git, or merging by hand in steps, may get past it",
        )
    if error.returncode is None or error.returncode < 0:
        return GitDied(f"git {argv[1]} was ended by signal {-(error.returncode or 0)}", hint="run again")
    return failure_of(argv, error.returncode, error.stderr)


class CommitReader(_Answering):
    """Raw commits by id, kept (bounded) because neighbours ask for the same ones."""

    # Without --buffer git flushes after every object (`git help cat-file`); one question at a time needs that.
    words = ("cat-file", "--batch")
    _KEPT = 4096

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
                    # The remaining answers would be read as somebody else's.
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


class CommitWriter(_Answering):
    """Writes commit objects into the quarantine.

    `hash-object --stdin-paths` answers each path at once (`git help hash-object`); `--literally` because a rewritten
    commit keeps whatever odd author line its original had, which newer git would refuse to write.
    """

    words = ("hash-object", "-w", "-t", "commit", "--literally", "--no-filters", "--stdin-paths")
    _numbers = itertools.count()

    def __init__(self, git: Git, *, scratch: Path, object_format: str, timeout_s: float) -> None:
        super().__init__(git, timeout_s=timeout_s)
        self._object_format = object_format
        # git is told paths relative to its working directory: an absolute one may hold a newline.
        self._stem = scratch / f"commit-{next(self._numbers)}"
        self._told = os.path.relpath(self._stem, git.work_tree or git.git_dir)

    def write(self, commits: Sequence[RawCommit]) -> list[Oid]:
        """Write commits and return their ids, which are checked against our own reckoning.

        Raises:
            OutOfSpace, GitTimedOut, GitDied, GitError, InvariantBroken
        """
        bodies = [serialise(commit) for commit in commits]
        expected = [commit_id(body, object_format=self._object_format) for body in bodies]
        deadline = time.monotonic() + self._timeout_s
        paths = [f"{self._stem}-{index}" for index in range(len(bodies))]
        try:
            for path, body in zip(paths, bodies, strict=True):
                _spill(path, body)
            talk = self._talk()
            talk.send("".join(f"{self._told}-{index}\n" for index in range(len(bodies))).encode(), deadline=deadline)
            for oid in expected:
                answer = talk.read_until(b"\n", deadline=deadline).decode("ascii", "replace")
                if answer != oid:
                    self.close()
                    raise InvariantBroken(f"git hash-object answered {answer} for commit {oid}")
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error
        except OSError as error:
            self.close()
            raise OutOfSpace(
                f"cannot write {error.filename or self._stem}: {error.strerror}",
                hint="free space, then: git align resume",
            ) from error
        return expected

    def close(self) -> None:
        """End the process and remove its scratch files."""
        super().close()
        for left in self._stem.parent.glob(f"{self._stem.name}-*"):
            left.unlink(missing_ok=True)


def _spill(path: str, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)
