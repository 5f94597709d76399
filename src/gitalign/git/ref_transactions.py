"""Transactions over refs through a long-lived `git update-ref --stdin`, one after the other or many on their way at once.

Not here: what a transaction that did not end well came to, and what is done about it; `refs.RefUpdater` looks at the refs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign import child
from gitalign.core.publication import RefUpdate
from gitalign.errors import GitError, InvariantBroken
from gitalign.git.command import failure_of, raw
from gitalign.git.repository import Repository
from gitalign.shortages import why_no_room

_TIMEOUT_S = 120.0
_ANSWERS = (b"start: ok", b"prepare: ok", b"commit: ok")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended that was to make a transaction.

    Attributes:
        by_itself: git ended by itself, and removed its locks.
        changed_nothing: it said no before it began to change refs.
        is_late: the deadline passed.
    """

    reason: str
    by_itself: bool = False
    changed_nothing: bool = False
    is_late: bool = False


class RefTransactions:
    """Makes transactions, through one process for branches, whose moves are logged, and one for refs of our own.

    Args:
        repository: the repository.
        message: reflog message.

    Attributes:
        fence: a ref of our own that git compares within each transaction over branches; None when there is none.
    """

    def __init__(self, repository: Repository, *, message: str) -> None:
        # Refs are written out before they are renamed into place, but the disk is not waited for each time: that costs
        # a millisecond and more per ref. The journal, which is waited for, knows every value, so a power cut costs a
        # `resume` (`git help config`, core.fsyncMethod, since 2.36).
        self._git = replace(repository.git, config=(*repository.git.config, ("core.fsyncMethod", "writeout-only")))
        self._message = message
        self._conversations: dict[bool, child.Conversation] = {}
        self.fence: RefUpdate | None = None

    def made(self, transactions: Sequence[Sequence[RefUpdate]], *, logged: bool) -> tuple[int, Ending | None]:
        """Make transactions in order, until one is not made. Nothing of those behind that one is begun.

        git is given all of them at once and makes one after the other: it never waits for us in between.

        Args:
            transactions: of few refs together, so that a process that outlives us does not go on for long.
            logged: whether moves are logged.

        Returns:
            How many git said were made; and how the process ended before it said so of the next one.

        Raises:
            InvariantBroken: git answered something else than it documents.

        Source: `git help update-ref` (--stdin, -z; start, prepare and commit are answered with `<command>: ok`).
        """
        deadline = time.monotonic() + _TIMEOUT_S
        count = 0
        is_prepared = False
        try:
            talk = self._talk(logged=logged)
            request = b"".join(self._request(updates, logged=logged) for updates in transactions)
            with suppress(child.ChildEnded):  # what was answered before is read first; then the end is met again
                talk.send(request, deadline=deadline)
            while count < len(transactions):
                is_prepared = False
                for expected in _ANSWERS:
                    answer = talk.read_until(b"\n", deadline=deadline)
                    if answer != expected:
                        self.close()  # what it answers next would be read as answers to other transactions
                        raise InvariantBroken(f"git update-ref answered {answer[:200]!r}")
                    is_prepared = is_prepared or expected == b"prepare: ok"
                count += 1
        except child.ChildEnded as ended:
            self.close()
            error = failure_of(self._git.argv("update-ref"), ended.returncode, ended.stderr)
            by_itself = ended.returncode is not None and ended.returncode > 0
            reason = _reason(error)
            # git names the file that it could not write, not why (git, refs/files-backend.c, write_ref_to_lockfile).
            if "couldn't write" in reason and (why := why_no_room(Path(self._git.git_dir))):
                reason = f"{reason}: {why}"
            return count, Ending(reason, by_itself=by_itself, changed_nothing=by_itself and not is_prepared)
        except child.ChildTimedOut:
            self.close()
            return count, Ending("no answer in time", is_late=True)
        return count, None

    def close(self) -> None:
        """End the processes."""
        for conversation in self._conversations.values():
            conversation.close()
        self._conversations = {}

    def _request(self, updates: Sequence[RefUpdate], *, logged: bool) -> bytes:
        words = [b"start\0"]
        words += [
            b"update %b\0%b\0%b\0" % (raw(one.ref), one.after.encode("ascii"), one.before.encode("ascii"))
            for one in updates
        ]
        if logged and self.fence is not None:
            words.append(b"verify %b\0%b\0" % (raw(self.fence.ref), self.fence.before.encode("ascii")))
        return b"".join((*words, b"prepare\0commit\0"))

    def _talk(self, *, logged: bool) -> child.Conversation:
        if logged not in self._conversations:
            reflog = ("--create-reflog",) if logged else ()
            words = ("update-ref", "-z", "--no-deref", *reflog, "-m", self._message, "--stdin")
            git = replace(
                self._git, config=(*self._git.config, ("core.logAllRefUpdates", "true" if logged else "false"))
            )
            with git.gate.slot() if git.gate else nullcontext():
                self._conversations[logged] = child.Conversation(
                    git.argv(*words), env=git.env(), cwd=git.git_dir, register=git.processes
                )
        return self._conversations[logged]


def _reason(error: GitError) -> str:
    return error.message.split(": ", 2)[-1]
