"""Asking git about many objects in one process, so that a failure of git never becomes an answer.

A call that fails is made again. When it fails again, git is asked which objects are missing that the questions stand on. Only
questions that stand on one of these are left out, each with the name of that object. Every other failure is raised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gitalign.core.names import Oid
from gitalign.errors import GitError, GitMissing, GitTimedOut, OutOfSpace
from gitalign.git.command import Git, text

ATTEMPTS = 3
_PAUSE_S = 0.1
_TIMEOUT_S = 600.0
_AT_ONCE = 5_000

Q = TypeVar("Q")
T = TypeVar("T")

# Asking again cannot help, or was waited for long enough already.
_FINAL = (GitTimedOut, GitMissing, OutOfSpace)


def retried(call: Callable[[], T]) -> T:
    """The answer of a call that changes nothing; a failure that may pass (killed, out of memory) is tried again.

    Raises:
        GitError: it failed `ATTEMPTS` times, or in a way that does not pass.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return call()
        except _FINAL:
            raise
        except GitError:
            time.sleep(_PAUSE_S * (attempt - 1))
    return call()


def answered(
    questions: Sequence[Q],
    ask: Callable[[Sequence[Q]], T],
    missing_of: Callable[[Sequence[Q]], Mapping[Q, Oid]],
    missing: dict[Q, Oid] | None,
) -> T | None:
    """The answer to all questions that can be answered; None when none of them can be.

    Args:
        questions: what is asked, each hashable.
        ask: puts all of them to git at once.
        missing_of: question -> an object it stands on that is not in the repository, for those that stand on one.
        missing: filled with the questions that are left out.

    Raises:
        GitError: git failed, and not for want of an object.
    """
    asked = list(questions)
    failures = 0
    while asked:
        try:
            return ask(asked)
        except _FINAL:
            raise
        except GitError:
            failures += 1
            if failures == 1:
                continue
            lost = missing_of(asked)
            if not lost and failures >= ATTEMPTS:
                raise
        if lost:
            asked = [question for question in asked if question not in lost]
            failures = 0
            if missing is not None:
                missing.update(lost)
        else:
            time.sleep(_PAUSE_S * failures)
    return None


def cut_short(command: str, answers: int, questions: int) -> GitError:
    """The error for an answer that ends before the last question."""
    return GitError(f"git {command}: {answers} answers to {questions} questions", hint="run again")


def absent(git: Git, oids: Iterable[Oid]) -> frozenset[Oid]:
    """Those of the objects that are not in the repository.

    Raises:
        GitError

    Source: `git help cat-file` (--batch-check; "<object> missing").
    """
    wanted = sorted(set(oids))
    return frozenset(oid for oid, kind in zip(wanted, kinds(git, wanted), strict=True) if kind == "missing")


def kinds(git: Git, oids: Sequence[Oid]) -> list[str]:
    """`commit`, `tree`, `blob`, `tag` or `missing` for each object.

    Raises:
        GitError
    """
    return [
        kind
        for start in range(0, len(oids), _AT_ONCE)
        for kind in retried(lambda start=start: _kinds(git, oids[start : start + _AT_ONCE]))  # type: ignore[misc]
    ]


def _kinds(git: Git, oids: Sequence[Oid]) -> list[str]:
    asked = "".join(f"{oid}\n" for oid in oids).encode("ascii")
    listed = text(git.run("cat-file", "--batch-check=%(objecttype)", stdin=asked, timeout_s=_TIMEOUT_S).stdout)
    lines = listed.split("\n")
    if lines.pop() or len(lines) != len(oids):
        raise cut_short("cat-file --batch-check", len(lines), len(oids))
    # What is not there is answered with its name and one word.
    return [line.rpartition(" ")[2] for line in lines]
