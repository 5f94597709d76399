"""Running git: one function for one command, with one of two environments (`git/environment.py`) and a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from gitalign import child
from gitalign.errors import (
    GitDied,
    GitError,
    GitMissing,
    GitTimedOut,
    MissingObject,
    NotARepository,
    OutOfSpace,
    RefLocked,
)
from gitalign.git.environment import deciding_environment, operator_environment

DEFAULT_TIMEOUT_S = 120.0


class ProcessGate:
    """Bounds how many git processes of a run live at once."""

    def __init__(self, limit: int) -> None:
        self._slots = threading.BoundedSemaphore(limit)

    def slot(self) -> AbstractContextManager[object]:
        """Hold one place while a process lives."""
        return self._slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """git, bound to one git directory.

    Attributes:
        git_dir: absolute path given as `GIT_DIR`.
        work_tree: absolute path given as `GIT_WORK_TREE`, None for ref and object work.
        executable: the git to start.
        gate: bound on live processes, None outside runs.
        config: configuration on top of everything else.
        variables: set on top of the environment.
        is_operators: in the operator's environment; otherwise in the one for deciding.
        inherited: the environment that its processes inherit from; None for that of this process.
        processes: knows its processes while they live; None when nothing ends them together.
    """

    git_dir: str
    work_tree: str | None = None
    executable: str = "git"
    gate: ProcessGate | None = None
    config: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    is_operators: bool = False
    inherited: Mapping[str, str] | None = None
    processes: child.ChildRegister | None = None

    @property
    def folder(self) -> str:
        """Where its processes run: as git itself, on top of the work tree, or in the git directory."""
        return self.work_tree or self.git_dir

    def env(self) -> dict[str, str]:
        """Environment of this git's processes."""
        where = {"GIT_DIR": self.git_dir}
        if self.work_tree is not None:
            where["GIT_WORK_TREE"] = self.work_tree
        made = operator_environment if self.is_operators else deciding_environment
        return made(extra={**where, **self.variables}, config=self.config, source=self.inherited)

    def argv(self, *words: str) -> list[str]:
        """The full command."""
        return [self.executable, *words]

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        timeout_s: float = DEFAULT_TIMEOUT_S,
        accept: Sequence[int] = (0,),
        cwd: str | None = None,
        most_bytes: int | None = None,
    ) -> child.Completed:
        """Run one git command to its end.

        Args:
            words: sub-command and arguments; outside input must come after `--end-of-options` or as a full ref name.
            stdin: bytes on standard input.
            timeout_s: deadline in seconds.
            accept: exit codes that are answers, not failures.
            cwd: where it runs, instead of in `folder`.
            most_bytes: it is ended when it writes more, and what is kept of its errors is bounded; None for no bound.

        Raises:
            GitMissing, GitTimedOut, GitError and its children.
        """
        with self.gate.slot() if self.gate else nullcontext():
            completed = _run(
                child.Call(self.argv(*words), self.env(), cwd or self.folder, self.processes),
                stdin=stdin,
                timeout_s=timeout_s,
                most_bytes=most_bytes,
            )
        if completed.returncode not in accept:
            raise failure(completed)
        return completed

    def run_into(
        self, other: Git, words: Sequence[str], other_words: Sequence[str], *, stdin: bytes, timeout_s: float
    ) -> bytes:
        """Run one command with its output going straight into another one; what that one answers.

        Raises:
            GitTimedOut, GitError and its children: of whichever failed, the first one first.
        """
        calls = [
            child.Call(git.argv(*said), git.env(), git.folder, git.processes)
            for git, said in ((self, words), (other, other_words))
        ]
        with self.gate.slot() if self.gate else nullcontext():
            try:
                made, taken = child.pipe(calls[0], calls[1], stdin=stdin, timeout_s=timeout_s)
            except child.ChildTimedOut as late:
                raise GitTimedOut(str(late), hint="raise the time-out, or look at what holds the repository") from late
        for completed in (made, taken):
            if completed.returncode != 0:
                raise failure(completed)
        return taken.stdout

    def lines(self, *words: str, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> list[str]:
        """Output of a command as text lines; bytes that are not UTF-8 survive by surrogateescape."""
        return text(self.run(*words, stdin=stdin, timeout_s=timeout_s).stdout).splitlines()

    def converse(
        self, *words: str, wrapper: Sequence[str] = (), cwd: str | None = None, works_long: bool = False
    ) -> child.Conversation:
        """Start a git process that answers questions until it is closed.

        It ends with its input, and so with this process.

        Args:
            works_long: it may work for minutes on one question, and is to be killed when this process dies.
        """
        argv = [*wrapper, *self.argv(*words)]
        try:
            return child.Conversation(
                child.dies_with_parent(argv) if works_long else argv,
                env=self.env(),
                cwd=cwd or self.folder,
                register=self.processes,
            )
        except FileNotFoundError as error:
            raise GitMissing(f"cannot start {self.executable}", hint="install git 2.38 or newer") from error


def _run(call: child.Call, *, stdin: bytes, timeout_s: float, most_bytes: int | None) -> child.Completed:
    try:
        if most_bytes is not None:
            return child.run_bounded(call, stdin=stdin, timeout_s=timeout_s, most_bytes=most_bytes)
        return child.run(
            call.argv, env=call.env, cwd=call.cwd, stdin=stdin, timeout_s=timeout_s, register=call.register
        )
    except child.ChildSaidTooMuch as error:
        raise GitError(f"{error}", hint="look at what the other side sends") from error
    except FileNotFoundError as error:
        if call.cwd is not None and not Path(call.cwd).is_dir():
            raise NotARepository(f"no such directory: {call.cwd}") from error
        raise GitMissing(f"cannot start {call.argv[0]}", hint="install git 2.38 or newer, or put it on PATH") from error
    except child.ChildTimedOut as late:
        raise GitTimedOut(str(late), hint="raise the time-out, or look at what holds the repository") from late


def text(data: bytes) -> str:
    """git's bytes as str; bytes that are not UTF-8 survive by surrogateescape."""
    return data.decode("utf-8", "surrogateescape")


def said_in(output: bytes) -> str:
    """What git or another program said, as one line: its lines joined, its tabs no more than space between words."""
    lines = [" ".join(line.split("\t")).strip() for line in text(output).splitlines()]
    return " ".join(line if line.endswith((":", ".", ",", ";")) else f"{line};" for line in lines if line).rstrip(";")


def raw(name: str) -> bytes:
    """The bytes of a str made by `text`."""
    return name.encode("utf-8", "surrogateescape")


_SIGNS: tuple[tuple[tuple[bytes, ...], Callable[..., GitError]], ...] = (
    (
        (
            b"No space left on device",
            b"Out of diskspace",  # git, csum-file.c
            b"unable to write new index file",
            b"Disk quota exceeded",
            b"Read-only file system",
            b"insufficient permission",
            b"Permission denied",
        ),
        OutOfSpace,
    ),
    (
        (
            b"unable to read",
            b"bad object",
            b"missing blob",
            b"missing tree",
            b"missing commit",
            b"could not parse commit",
            b"Could not read",
            b"unable to parse commit",
        ),
        MissingObject,
    ),
    ((b".lock': File exists", b"Unable to create", b"cannot lock ref"), RefLocked),
)


def failure(completed: child.Completed) -> GitError:
    """The error for a failed command.

    git's words only choose among kinds of *broken world* (full disk, missing object, lock); whether something is a
    conflict is never decided here.
    """
    return failure_of(completed.argv, completed.returncode, completed.stderr)


def failure_of(argv: Sequence[str], returncode: int | None, stderr: bytes) -> GitError:
    """Like `failure`, for a process known by its parts."""
    said = said_in(stderr)
    words = " ".join(word for word in argv[1:6])
    message = f"git {words}: exit {returncode}" + (f": {said[-2000:]}" if said else "")
    if returncode is not None and returncode < 0:
        return GitDied(
            f"git {words} was ended by signal {-returncode}" + (f": {said[-500:]}" if said else ""), hint="run again"
        )
    for signs, kind in _SIGNS:
        if any(sign in stderr for sign in signs):
            return kind(message, hint=_HINTS.get(kind.__name__, ""))
    return GitError(message)


_HINTS = {
    "OutOfSpace": "free space or make the repository writable, then: git align resume",
    "MissingObject": "fetch the missing objects (git fetch --refetch, or git fetch --unshallow), then run again",
    "RefLocked": "another git process is at work; wait for it, then: git align resume",
}
