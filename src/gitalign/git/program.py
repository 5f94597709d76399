"""What is known of a git program as long as it is the same file: its version, and whatever else is asked of it once."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from gitalign import child
from gitalign.errors import GitMissing, GitTimedOut
from gitalign.git.environment import deciding_environment

T = TypeVar("T")

_TIMEOUT_S = 30.0
_KNOWN: dict[tuple[Hashable, ...], object] = {}
"""Facts about files of this machine, by what the files are: the same for every run, whatever its environment."""


def git_version(executable: str = "git", *, path: str | None = None) -> tuple[int, ...]:
    """Version of a git executable as numbers.

    Args:
        executable: as it is started.
        path: the search path that leads to it; None for that of this process.

    Raises:
        GitMissing: when it cannot be started.
        GitTimedOut
    """
    return kept_of_program(executable, "version", lambda: _ask_version(executable, path), path=path)


def kept_of_program(
    executable: str,
    question: Hashable,
    ask: Callable[[], T],
    *,
    path: str | None = None,
    is_sure: Callable[[T], bool] = lambda _: True,
) -> T:
    """The answer to a question about a program, asked once in the life of this process, and again when its file changes.

    Args:
        executable: as it is started: a path, or a name that `PATH` leads to.
        question: names the question; together with the program it decides the answer.
        ask: finds the answer. What it raises is not kept.
        path: the search path that leads to it; None for that of this process.
        is_sure: whether an answer may be kept; one that a passing failure can cause must not be.
    """
    identity = _identity(executable, path)
    key = (identity, question)
    if identity is not None and key in _KNOWN:
        return cast(T, _KNOWN[key])
    answer = ask()
    if identity is not None and is_sure(answer):
        _KNOWN[key] = answer
    return answer


def _identity(executable: str, path: str | None) -> Hashable:
    """Changes with the content of the program's file; None when there is no such program."""
    place = shutil.which(executable, path=path)
    if place is None:
        return None
    try:
        found = os.stat(place)
    except OSError:
        return None
    return (place, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _ask_version(executable: str, path: str | None) -> tuple[int, ...]:
    env = deciding_environment(extra={} if path is None else {"PATH": path})
    try:
        done = child.run([executable, "version"], env=env, timeout_s=_TIMEOUT_S)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise GitMissing(f"cannot start {executable}", hint="install git 2.38 or newer, or put it on PATH") from error
    except child.ChildTimedOut as late:
        raise GitTimedOut(str(late), hint=f"look at what holds {executable}") from late
    found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    if not found:
        raise GitMissing(f"{executable} does not answer like git", hint="put a working git 2.38 or newer on PATH")
    return tuple(int(part) for part in found.groups() if part)
