"""The one door through which refs move. Everything that changes a ref goes through `RefUpdater`.

Each move is compare-and-swap on the value seen earlier, through `git update-ref --stdin` (`git help update-ref`). A single
transaction over many refs is not crash-atomic, so the journal is, and each transaction here is small.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
from gitalign.errors import GitError, GitTimedOut, InvariantBroken, OutOfSpace, RefLocked, UserError
from gitalign.git.asking import kinds
from gitalign.git.command import text
from gitalign.git.ref_locks import clear_locks
from gitalign.git.ref_transactions import Ending, RefTransactions
from gitalign.git.repository import Repository
from gitalign.shortages import FULL

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

    def as_error(self, what: str, *, hint: str) -> GitError:
        """The error where a refusal ends the work: `OutOfSpace` for want of room, else `RefLocked`.

        Args:
            what: could not be done.
            hint: what to type next.
        """
        message = f"{what}: {self.reason}"
        if any(os.strerror(number) in self.reason for number in FULL):
            return OutOfSpace(message, hint=f"free some space, then: {hint}")
        return RefLocked(message, hint=hint)


class RefUpdater:
    """Moves refs through one `update-ref` process; what moves together is one transaction.

    Args:
        repository: the repository.
        forbidden: full names of refs that must never move (targets, symbolic refs).
        message: reflog message; names the run.

    The process is not tied to the life of this one: when we die it sees the end of its input, rolls back what is not
    committed and removes its locks, which a signal would not let it do.
    """

    def __init__(self, repository: Repository, *, forbidden: frozenset[str], message: str) -> None:
        self._repository = repository
        self._forbidden = forbidden
        self._transactions = RefTransactions(repository, message=message)

    def fence(self, ref: str, oid: Oid) -> None:
        """Move branches only as long as a ref of our own holds this id; git compares it within each transaction."""
        self._transactions.fence = RefUpdate(ref=ref, before=oid, after=oid)

    def move(self, updates: Sequence[RefUpdate]) -> Refusal | None:
        """Move branches, all of them or none.

        Returns:
            None when done, otherwise why not.

        Raises:
            InvariantBroken: a ref that must not move was asked for.
            GitTimedOut
        """
        return self.move_each([updates])[0] if updates else None

    def move_each(self, groups: Sequence[Sequence[RefUpdate]]) -> list[Refusal | None]:
        """Move groups of branches, of each group all or none, one group after the other; for each what `move` answers.

        git is given all of them at once. When this process dies meanwhile, git may still move the groups that it was given.
        """
        for update in (update for group in groups for update in group):
            if update.ref in self._forbidden or not update.ref.startswith(HEADS):
                raise InvariantBroken(f"{update.ref} must never be moved")
        answers: list[Refusal | None] = []
        while len(answers) < len(groups):
            since = time.time()
            made, ending = self._transactions.made(groups[len(answers) :], logged=True)
            answers += [None] * made
            if ending is not None:
                answers.append(self._settled(groups[len(answers)], ending, since, logged=True))
        return answers

    def move_own(self, updates: Sequence[RefUpdate]) -> Refusal | None:
        """Make, move or delete refs of our own: pins, backup branches, recorded resolutions."""
        for update in updates:
            is_own = update.ref.startswith(_OWN_PREFIXES) or update.ref == RESOLUTIONS_REF
            if update.ref in self._forbidden or not is_own:
                raise InvariantBroken(f"{update.ref} is no ref of git-align")
        return self._transact(updates, logged=False)

    def close(self) -> None:
        """End the process."""
        self._transactions.close()

    def _transact(self, updates: Sequence[RefUpdate], *, logged: bool) -> Refusal | None:
        """Make all of the updates or none."""
        if not updates:
            return None
        since = time.time()
        ending = self._attempt(updates, logged=logged)
        return None if ending is None else self._settled(updates, ending, since, logged=logged)

    def _settled(self, updates: Sequence[RefUpdate], ending: Ending, since: float, *, logged: bool) -> Refusal | None:
        """What a transaction came to whose process ended without an answer: finished here, or taken back.

        It may have done nothing, some or all of it (it can be killed after the commit, and a commit of several refs is not made
        in one piece): what the refs hold decides, never how the process ended.

        Args:
            since: when it began, in seconds since the epoch.
        """
        if not ending.by_itself:
            self._clear_locks(updates, since)
        if not (missing := self._not_done(updates)):
            return None
        if ending.is_late:
            raise GitTimedOut("git update-ref: no answer in time", hint="git align resume")
        if ending.changed_nothing:
            return Refusal(ending.reason)
        again = self._attempt(missing, logged=logged)
        if again is None:
            return None
        if not again.by_itself:
            self._clear_locks(updates, since)
        if not (missing := self._not_done(updates)):
            return None
        self._put_back([one for one in updates if one not in missing], logged=logged)
        return Refusal(again.reason)

    def _attempt(self, updates: Sequence[RefUpdate], *, logged: bool) -> Ending | None:
        return self._transactions.made([updates], logged=logged)[1]

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

    def _not_done(self, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Those of the updates whose ref does not stand where it was to be moved."""
        now: dict[str, Oid] = {}
        for start in range(0, len(updates), _NAMED_AT_ONCE):
            names = [one.ref for one in updates[start : start + _NAMED_AT_ONCE]]
            now |= read_refs(self._repository, *names)
        return [one for one in updates if now.get(one.ref, zero_like(one.after)) != one.after]

    def _clear_locks(self, updates: Sequence[RefUpdate], since: float) -> None:
        fence = [self._transactions.fence] if self._transactions.fence is not None else []
        clear_locks(Path(self._repository.common_dir), [*updates, *fence], since=since)


def deletions(refs: Iterable[tuple[str, Oid]]) -> list[RefUpdate]:
    """Updates that delete refs which still hold the ids given."""
    return [RefUpdate(ref=ref, before=oid, after=Oid("0" * len(oid))) for ref, oid in refs]
