"""Publication: refs to move, where they were, where they are to be, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.names import Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """Move `ref` from `before` to `after` if it still holds `before`. All-zero means 'does not exist'."""

    ref: str
    before: Oid
    after: Oid


class MoveState(StrEnum):
    """Life of one intended ref move in the journal."""

    INTENDED = "intended"
    MOVED = "moved"
    HELD_BACK = "held_back"
    """Not moved: the ref had changed, its stack member had, or its work tree could not follow."""
    ROLLED_BACK = "rolled_back"
    STANDS = "stands"
    """The local branch was not to move; only the remote is concerned."""
    UNDONE = "undone"


class PushState(StrEnum):
    """Verdict of the remote on one branch."""

    NOT_ASKED = "not_asked"
    PUSHED = "pushed"
    REJECTED = "rejected"
    NOT_ON_REMOTE = "not_on_remote"
    UP_TO_DATE = "up_to_date"
    HELD_BACK = "held_back"
    """Not offered to the remote, for a reason of ours."""
    NOT_PUSHED = "not_pushed"
    """Ended before it was pushed; the remote holds what it held."""
    UNKNOWN = "unknown"
    """Meant to be pushed, and what the remote holds is not known: the connection broke, or the process died."""


UNSETTLED = frozenset({PushState.REJECTED, PushState.UNKNOWN, PushState.HELD_BACK, PushState.NOT_PUSHED})
"""States of a push that a person has to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One branch's move and its verdict, locally and on the remote.

    Attributes:
        stack: branches with the same number move together or not at all.
        backup_ref: full ref of the backup branch made before the move, if any.
        work_tree: path of the work tree that moved along, if any.
        remote: name of the remote that is written to, if any.
        remote_ref: full ref on the remote; None for the ref itself.
        remote_before: the lease: the id the remote branch had when planning.
        remote_after: what the remote is to hold; None for where the branch itself goes.
    """

    update: RefUpdate
    stack: int
    state: MoveState
    detail: str = ""
    backup_ref: str | None = None
    work_tree: str | None = None
    remote: str | None = None
    remote_before: Oid | None = None
    push: PushState = PushState.NOT_ASKED
    push_detail: str = ""
    remote_ref: str | None = None
    remote_after: Oid | None = None
    section: tuple[tuple[str, str], ...] = ()
    """What git's configuration holds under `branch.<name>` of a branch that is deleted; given back with it."""

    @property
    def pushed_ref(self) -> str:
        """Full ref on the remote."""
        return self.remote_ref or self.update.ref

    @property
    def pushed_oid(self) -> Oid:
        """What the remote is to hold."""
        return self.remote_after or self.update.after
