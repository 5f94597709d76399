"""The one door through which refs move. Everything that changes a ref goes through `RefUpdater`.

Each move is compare-and-swap on the value seen earlier, through `git update-ref --stdin` (`git help update-ref`). A single
transaction over many refs is not crash-atomic, so the journal is, and each transaction here is small.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign import child
from gitalign.core.names import (
    BATCH_PREFIX,
    CANDIDATES_PREFIX,
    HEADS,
    PIN_PREFIX,
    RESOLUTIONS_REF,
    WIP_PREFIX,
    Oid,
    zero_like,
)
from gitalign.core.publication import RefUpdate
from gitalign.core.snapshot import Tip
from gitalign.errors import GitError, GitTimedOut, InvariantBroken, UserError
from gitalign.git.asking import kinds
from gitalign.git.command import failure_of, raw, text
from gitalign.git.ref_locks import clear_locks
from gitalign.git.repository import Repository

_TIMEOUT_S = 120.0
_OWN_PREFIXES = (HEADS, PIN_PREFIX, CANDIDATES_PREFIX, WIP_PREFIX, BATCH_PREFIX)
_NAMED_AT_ONCE = 500  # refs on one command line
_FORMAT = "%(objectname)%00%(objecttype)%00%(symref)%00%(refname)%00"
_FORMAT_WITHOUT_TYPES = "%(objectname)%00%00%(symref)%00%(refname)%00"


def read_tips(repository: Repository, *prefixes: str) -> tuple[Tip, ...]:
    """Every ref under the prefixes, in one process.

    Args:
        prefixes: `refs/heads` and `refs/remotes` when none is given.

    Source: `git help for-each-ref` (--format; since 2.38 at the latest).
    """
    return tuple(_each_tip(repository, prefixes or ("refs/heads", "refs/remotes")))


def _each_tip(repository: Repository, where: Sequence[str]) -> Iterable[Tip]:
    """One after the other, for callers that keep less of each: with backups there are twice as many refs as branches."""
    done = repository.git.run("for-each-ref", f"--format={_FORMAT}", *where, accept=(0, 1, 128), timeout_s=_TIMEOUT_S)
    if done.returncode == 0:
        return _tips(done.stdout)
    # A ref to an object that is not there ends the listing; without types no object is looked at.
    again = repository.git.run("for-each-ref", f"--format={_FORMAT_WITHOUT_TYPES}", *where, timeout_s=_TIMEOUT_S)
    tips = list(_tips(again.stdout))
    types = kinds(repository.git, [tip.oid for tip in tips])
    return [replace(tip, object_type=kind) for tip, kind in zip(tips, types, strict=True)]


def _tips(listed: bytes) -> Iterator[Tip]:
    if listed and not listed.endswith(b"\0\n"):
        raise GitError("git for-each-ref: the answer ends within a line", hint="run again")
    for line in io.BytesIO(listed):  # no name holds a line break (`git help check-ref-format`)
        oid, kind, symref, ref = line.removesuffix(b"\0\n").split(b"\0")
        yield Tip(
            ref=text(ref),
            oid=Oid(oid.decode("ascii")),
            symbolic_target=text(symref) or None,
            object_type=kind.decode("ascii") or "missing",
        )


def commit_of(repository: Repository, name: str) -> Oid:
    """The commit a name stands for: a branch first, then whatever git makes of it.

    Raises:
        UserError: none.
    """
    for spelled in (f"{HEADS}{name}", name):
        done = repository.git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{spelled}^{{commit}}", accept=(0, 1, 128)
        )
        if done.returncode == 0:
            return Oid(text(done.stdout).split()[-1])
    raise UserError(f"{name} is not a commit here", hint="git branch --all lists the branches")


def read_refs(repository: Repository, *prefixes: str) -> dict[str, Oid]:
    """Ref name -> id, for the prefixes."""
    return {tip.ref: tip.oid for tip in _each_tip(repository, prefixes or ("refs/heads", "refs/remotes"))}


def read_upstreams(repository: Repository, refs: Sequence[str]) -> dict[str, str]:
    """Full name of a local branch -> full name of the ref that it tracks here; branches that track none are left out.

    Source: `git help for-each-ref` (upstream).
    """
    if not refs:
        return {}
    words = ("for-each-ref", "--format=%(refname)%00%(upstream)%00", *refs)
    listed = text(repository.git.run(*words, timeout_s=_TIMEOUT_S).stdout).split("\0\n")
    rows = (line.partition("\0") for line in listed if line)
    return {ref: upstream for ref, _, upstream in rows if upstream and ref in refs}


@dataclass(frozen=True, slots=True)
class Origin:
    """What git was given when a branch was made, as far as it still knows.

    Attributes:
        upstream: full name of the ref it is set to track; empty when none is set.
        created_from: what its oldest reflog entry names; empty when there is none.
    """

    upstream: str
    created_from: str


_CREATED = b"\tbranch: Created from "
_ENTRY_BYTES = 4_096


def read_origins(repository: Repository) -> dict[str, Origin]:
    """Full ref name -> what git was given when that branch was made; branches of which nothing is known are left out.

    Source: `git help for-each-ref` (upstream); `git help gitrepository-layout` (logs). Reflogs are read where they are files.
    """
    done = repository.git.run(
        "for-each-ref", "--format=%(refname)%00%(upstream)%00", "refs/heads", timeout_s=_TIMEOUT_S
    )
    found: dict[str, Origin] = {}
    for line in done.stdout.split(b"\0\n"):
        ref, _, upstream = line.removesuffix(b"\0").partition(b"\0")
        if not ref:
            continue
        created_from = _created_from(Path(repository.common_dir) / "logs" / os.fsdecode(ref))
        if upstream or created_from:
            found[text(ref)] = Origin(text(upstream), created_from)
    return found


def _created_from(log: Path) -> str:
    try:
        with log.open("rb") as entries:
            oldest = entries.readline(_ENTRY_BYTES)
    except OSError:
        return ""
    return text(oldest.partition(_CREATED)[2].rstrip(b"\n"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transaction was not made; nothing of it was."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Ending:
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


class RefUpdater:
    """Moves refs, a transaction at a time, through one `update-ref` process.

    Args:
        repository: the repository.
        forbidden: full names of refs that must never move (targets, symbolic refs).
        message: reflog message; names the run.

    The process is not tied to the life of this one: when we die it sees the end of its input, rolls back what is not
    committed and removes its locks, which a signal would not let it do.
    """

    def __init__(self, repository: Repository, *, forbidden: frozenset[str], message: str) -> None:
        self._repository = repository
        # Refs are written out before they are renamed into place, but the disk is not waited for each time: that costs
        # a millisecond and more per ref. The journal, which is waited for, knows every value, so a power cut costs a
        # `resume` (`git help config`, core.fsyncMethod, since 2.36).
        self._git = replace(repository.git, config=(*repository.git.config, ("core.fsyncMethod", "writeout-only")))
        self._forbidden = forbidden
        self._message = message
        self._conversations: dict[bool, child.Conversation] = {}
        self._fence: RefUpdate | None = None

    def fence(self, ref: str, oid: Oid) -> None:
        """Move branches only as long as a ref of our own holds this id; git compares it within each transaction."""
        self._fence = RefUpdate(ref=ref, before=oid, after=oid)

    def move(self, updates: Sequence[RefUpdate]) -> Refusal | None:
        """Move branches, all of them or none.

        Returns:
            None when done, otherwise why not.

        Raises:
            InvariantBroken: a ref that must not move was asked for.
            GitTimedOut
        """
        for update in updates:
            if update.ref in self._forbidden or not update.ref.startswith(HEADS):
                raise InvariantBroken(f"{update.ref} must never be moved")
        return self._transact(updates, logged=True)

    def move_own(self, updates: Sequence[RefUpdate]) -> Refusal | None:
        """Make, move or delete refs of our own: pins, backup branches, recorded resolutions."""
        for update in updates:
            is_own = update.ref.startswith(_OWN_PREFIXES) or update.ref == RESOLUTIONS_REF
            if update.ref in self._forbidden or not is_own:
                raise InvariantBroken(f"{update.ref} is no ref of git-align")
        return self._transact(updates, logged=False)

    def close(self) -> None:
        """End the process."""
        for conversation in self._conversations.values():
            conversation.close()
        self._conversations = {}

    def _transact(self, updates: Sequence[RefUpdate], *, logged: bool) -> Refusal | None:
        """Make all of the updates or none.

        A process that ends without an answer may have done nothing, some or all of them (it can be killed after the commit,
        and a commit of several refs is not made in one piece): what the refs hold decides, never how the process ended.
        """
        if not updates:
            return None
        since = time.time()
        ending = self._attempt(updates, logged=logged)
        if ending is None:
            return None
        if not ending.by_itself:
            self._clear_locks(updates, since)
        if not (missing := self._not_done(updates)):
            return None
        if ending.is_late:
            raise GitTimedOut("git update-ref: no answer in time", hint="git align resume")
        if ending.changed_nothing:
            return Refusal(ending.reason)
        ending = self._attempt(missing, logged=logged)
        if ending is None:
            return None
        if not ending.by_itself:
            self._clear_locks(updates, since)
        if not (missing := self._not_done(updates)):
            return None
        self._put_back([one for one in updates if one not in missing], logged=logged)
        return Refusal(ending.reason)

    def _put_back(self, moved: Sequence[RefUpdate], *, logged: bool) -> None:
        """Take back what was moved of a transaction whose rest cannot be."""
        back = [RefUpdate(ref=one.ref, before=one.after, after=one.before) for one in moved]
        if not back:
            return
        ending = self._attempt(back, logged=logged)
        if ending is not None and (left := self._not_done(back)):
            raise GitError(
                f"{left[0].ref} was moved, the refs that go with it were not, and it cannot be put back: {ending.reason}",
                hint="git align resume",
            )

    def _attempt(self, updates: Sequence[RefUpdate], *, logged: bool) -> _Ending | None:
        """One transaction; None when git says that it is made."""
        request = b"start\0" + b"".join(
            b"update %b\0%b\0%b\0" % (raw(one.ref), one.after.encode("ascii"), one.before.encode("ascii"))
            for one in updates
        )
        if logged and self._fence is not None:
            request += b"verify %b\0%b\0" % (raw(self._fence.ref), self._fence.before.encode("ascii"))
        deadline = time.monotonic() + _TIMEOUT_S
        is_prepared = False
        try:
            talk = self._talk(logged=logged)
            talk.send(request + b"prepare\0commit\0", deadline=deadline)
            for expected in (b"start: ok", b"prepare: ok", b"commit: ok"):
                answer = talk.read_until(b"\n", deadline=deadline)
                if answer != expected:
                    raise InvariantBroken(f"git update-ref answered {answer[:200]!r}")
                is_prepared = is_prepared or expected == b"prepare: ok"
        except child.ChildEnded as ended:
            self.close()
            error = failure_of(self._git.argv("update-ref"), ended.returncode, ended.stderr)
            by_itself = ended.returncode is not None and ended.returncode > 0
            return _Ending(_reason(error), by_itself=by_itself, changed_nothing=by_itself and not is_prepared)
        except child.ChildTimedOut:
            self.close()
            return _Ending("no answer in time", is_late=True)
        return None

    def _not_done(self, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Those of the updates whose ref does not stand where it was to be moved."""
        now: dict[str, Oid] = {}
        for start in range(0, len(updates), _NAMED_AT_ONCE):
            names = [one.ref for one in updates[start : start + _NAMED_AT_ONCE]]
            now |= read_refs(self._repository, *names)
        return [one for one in updates if now.get(one.ref, zero_like(one.after)) != one.after]

    def _clear_locks(self, updates: Sequence[RefUpdate], since: float) -> None:
        fence = [self._fence] if self._fence is not None else []
        clear_locks(Path(self._repository.common_dir), [*updates, *fence], since=since)

    def _talk(self, *, logged: bool) -> child.Conversation:
        """The process for branches, whose moves are logged, or for refs of our own, which need no log."""
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


def deletions(refs: Iterable[tuple[str, Oid]]) -> list[RefUpdate]:
    """Updates that delete refs which still hold the ids given."""
    return [RefUpdate(ref=ref, before=oid, after=Oid("0" * len(oid))) for ref, oid in refs]
