"""Resolving a conflict by hand: what is known of it while a person is at it, and what may be done next. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitalign.core.commit import RawCommit
from gitalign.core.conflict import StageEntry
from gitalign.core.names import Oid, command_on, shell_word
from gitalign.core.outcome import Dropped, DropReason, Rewrite
from gitalign.core.stand_in import needs_stand_in, stand_in


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionSession:
    """A branch that a person is resolving, as the journal keeps it.

    Attributes:
        ref: full name of the branch; one session for each at a time.
        seen: the branch as it was, and stays until the session is finished.
        onto: the target's tip that is being taken in.
        folder: the disposable work tree.
        plan: of this one branch, as `wire` writes it.
        is_merge: the target is merged in; otherwise the branch is rebased.
        settings: frozen when it was begun; what is published passes the gate of that moment. Empty in those of an earlier release.
    """

    ref: str
    branch: str
    target: str
    seen: Oid
    onto: Oid
    folder: str
    plan: str
    is_merge: bool
    opened_at: datetime
    settings: str = ""


class Stand(StrEnum):
    """Where a session stands, read from its work tree alone, whatever commands were typed."""

    STOPPED = "stopped"
    """Paths are in conflict."""
    READY = "ready"
    """Nothing is in conflict any more; the rebase or merge waits to be continued."""
    DONE = "done"
    """The work tree holds a result."""
    LEFT = "left"
    """Someone ended the rebase or merge without a result."""
    GONE = "gone"
    """The work tree was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A session, looked at.

    Attributes:
        head: commit that its work tree stands on.
        position, total: the k-th of n commits; 1 of 1 for a merge.
        stopped_at: commit of the branch that is being applied.
        subject: of that commit.
        entries: paths in conflict, by stage.
        marked: paths that are said to be resolved and still hold conflict markers.
        now: where the branch itself is; None when it is gone.
        differing: commits of a result that git settled by itself, with a merge driver perhaps, where a run would have stopped.
    """

    session: ResolutionSession
    stand: Stand
    head: Oid | None = None
    position: int = 0
    total: int = 0
    stopped_at: Oid | None = None
    subject: str = ""
    entries: tuple[StageEntry, ...] = ()
    marked: tuple[str, ...] = ()
    now: Oid | None = None
    differing: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths in conflict."""
        return tuple(sorted({entry.path for entry in self.entries}))

    @property
    def has_moved(self) -> bool:
        """True when the branch is no longer where the session found it."""
        return self.now != self.session.seen

    def sides(self) -> tuple[tuple[int, str], ...]:
        """What each stage is, in words: in a rebase `ours` is the target, which surprises many."""
        branch, target = self.session.branch, self.session.target
        if self.session.is_merge:
            return (
                (1, "base: where the two parted"),
                (2, f"ours: {branch}"),
                (3, f"theirs: {target}"),
            )
        return (
            (1, "base: the commit before the one that is applied"),
            (2, f"ours: {target}, with the commits of {branch} applied so far"),
            (3, f"theirs: your commit of {branch}"),
        )

    def commands(self, path: str | None = None) -> tuple[tuple[str, str], ...]:
        """What to type next, and what for; of those for single paths, only those for `path` when it is given."""
        inside = f"git -C {shell_word(self.session.folder)}"
        branch = self.session.branch
        match self.stand:
            case Stand.STOPPED:
                found = [(f"{inside} mergetool", "resolve in your merge tool")]
                for one in self.paths[:_MOST_PATHS] if path is None else (path,):
                    quoted = shell_word(one)
                    stages = {entry.stage for entry in self.entries if entry.path == one}
                    if stages == {1, 2, 3} or stages == {2, 3}:
                        found.append((f"{inside} add -- {quoted}", f"{one} is resolved"))
                        found.append((f"{inside} checkout --theirs -- {quoted}", "take the third side whole"))
                    else:
                        found.append((f"{inside} add -- {quoted}", f"keep {one}"))
                        found.append((f"{inside} rm -- {quoted}", f"delete {one}"))
                found.append((command_on("git align resolve --continue", branch), "go on"))
                if not self.session.is_merge:
                    found.append((command_on("git align resolve --skip", branch), "leave this commit out"))
                return (
                    *found,
                    (command_on("git align resolve --abort", branch), "give up; the branch stays as it was"),
                )
            case Stand.READY:
                return (
                    (command_on("git align resolve --continue", branch), "go on"),
                    (command_on("git align resolve --abort", branch), "give up; the branch stays as it was"),
                )
            case Stand.DONE:
                return (
                    (command_on("git align resolve --continue", branch), "check the result and move the branch"),
                    (command_on("git align resolve --abort", branch), "throw the result away"),
                )
            case Stand.LEFT | Stand.GONE:
                return (
                    (command_on("git align resolve --abort", branch), "close it"),
                    (command_on("git align resolve", branch), "after that: begin again"),
                )


_MOST_PATHS = 10


class NotTheBranch(ValueError):
    """What was made is not the branch on its target; the message says why."""


def matched(
    old: Sequence[tuple[Oid, RawCommit]], new: Sequence[tuple[Oid, RawCommit]]
) -> tuple[tuple[Rewrite, ...], tuple[Dropped, ...]]:
    """Which commit became which, matched by author, date and message, in order.

    Args:
        old: own commits of the branch, oldest first.
        new: commits above the target, oldest first.

    Returns:
        Pairs, and commits that were left out.

    Raises:
        NotTheBranch: a new commit is none of the branch's, or their order changed.
    """
    waiting = list(old)
    pairs: list[Rewrite] = []
    dropped: list[Dropped] = []
    for oid, commit in new:
        while waiting and not is_same(*waiting[0], commit):
            left, it = waiting.pop(0)
            dropped.append(Dropped(oid=left, reason=DropReason.LEFT_OUT, subject=it.subject))
        if not waiting:
            raise NotTheBranch(
                f"commit {oid[:12]} ({commit.subject}) has no counterpart among the branch's own commits, by author, "
                "date and message, in order"
            )
        pairs.append(Rewrite(old=waiting.pop(0)[0], new=oid))
    dropped += [Dropped(oid=oid, reason=DropReason.LEFT_OUT, subject=it.subject) for oid, it in waiting]
    return tuple(pairs), tuple(dropped)


def is_same(oid: Oid, old: RawCommit, new: RawCommit) -> bool:
    """Whether a new commit is what became of a commit of the branch, by author, date and message.

    Args:
        oid, old: of the branch.
        new: above the target.
    """
    stood_for = (old, stand_in(oid, old)) if needs_stand_in(old) else (old,)
    return any(
        one.author == new.author
        and (one.message == new.message or _cleaned(one.message) == _cleaned(new.message) != b"")
        for one in stood_for
    )


def _cleaned(message: bytes) -> bytes:
    """A message as `git rebase --continue` leaves it: no comment lines, no blanks at the ends (`git help commit`, --cleanup=strip)."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith(b"#")]
    return b"\n".join(line for line in lines if line)
