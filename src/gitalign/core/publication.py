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
    """Not moved: the ref had changed, its stack-mate had, or its work tree could not follow."""
    ROLLED_BACK = "rolled_back"
    UNDONE = "undone"


class PushState(StrEnum):
    """Verdict of the remote on one branch."""

    NOT_ASKED = "not_asked"
    PUSHED = "pushed"
    REJECTED = "rejected"
    NOT_ON_REMOTE = "not_on_remote"
    UP_TO_DATE = "up_to_date"
    UNKNOWN = "unknown"
    """The connection broke before the remote answered for this ref."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One branch's move and its verdict, locally and on the remote.

    Attributes:
        stack: branches with the same number move together or not at all.
        backup_ref: full ref of the backup branch made before the move, if any.
        work_tree: path of the work tree that moved along, if any.
        remote_before: the lease: the id the remote branch had when planning.
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
