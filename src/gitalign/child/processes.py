"""Children of this process: what is known of each, and how a whole process group is ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Process = subprocess.Popen[bytes]
KILL_GRACE_S = 2.0
STDERR_KEPT_BYTES = 64 * 1024


class ChildTimedOut(Exception):
    """The deadline passed; the child's process group was ended."""


class ChildSaidTooMuch(Exception):
    """The child wrote more than it may; its process group was ended."""


class ChildEnded(Exception):
    """The child ended although more was expected of it. `returncode` and the tail of `stderr` tell why."""

    def __init__(self, returncode: int | None, stderr: bytes) -> None:
        super().__init__(f"child ended with {returncode}")
        self.returncode = returncode
        self.stderr = stderr


@dataclass(frozen=True, slots=True)
class Completed:
    """A child that ran to its end."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A command, never of a shell, with its whole environment and working directory.

    Attributes:
        register: knows its process while it lives, so that it can be ended with the others of a run.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | Path | None = None
    register: ChildRegister | None = None


class ChildRegister:
    """Live children of one run, or of one command; `end_all` is what a second Ctrl-C calls. There is none for the whole process."""

    def __init__(self) -> None:
        # Re-entrant: a signal handler may call while this very thread notes a child.
        self._lock = threading.RLock()
        self._children: set[subprocess.Popen[bytes]] = set()

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """Note a child."""
        with self._lock:
            self._children.add(child)

    def discard(self, child: subprocess.Popen[bytes]) -> None:
        """Forget a child that was reaped."""
        with self._lock:
            self._children.discard(child)

    def pids(self) -> tuple[int, ...]:
        """Process ids of live children."""
        with self._lock:
            return tuple(child.pid for child in self._children)

    def end_all(self) -> None:
        """Kill every process group at once."""
        with self._lock:
            children = tuple(self._children)
        for child in children:
            kill_group(child)


def note(child: Process, register: ChildRegister | None) -> None:
    """Note a child that was just started, where there is a register."""
    if register is not None:
        register.add(child)


def forget(child: Process, register: ChildRegister | None) -> None:
    """Take a child that was reaped off the register that knew it, if any did."""
    if register is not None:
        register.discard(child)


_SETPRIV = shutil.which("setpriv")


def dies_with_parent(argv: Sequence[str]) -> list[str]:
    """The command, made to be killed when this process dies, where util-linux offers it."""
    return [_SETPRIV, "--pdeathsig", "KILL", "--", *argv] if _SETPRIV else list(argv)


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill a process group at once; a child that is gone already."""
    _signal_group(child, signal.SIGKILL)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End a process group: politely, then not."""
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(KILL_GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    kill_group(child)
    child.wait()
