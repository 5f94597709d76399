"""Models: moves of refs, intended and made."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.publication import MoveState, PushState


class RefUpdateDocument(TypedDict):
    """Move `ref` from `before` to `after` if it still holds `before`. All-zero means 'does not exist'."""

    ref: str
    before: str
    after: str


class MoveDocument(TypedDict):
    """One branch's move and its verdict, locally and on the remote."""

    update: RefUpdateDocument
    stack: int
    state: MoveState
    detail: str
    backup_ref: str | None
    work_tree: str | None
    remote: str | None
    remote_before: str | None
    push: PushState
    push_detail: str
    remote_ref: str | None
    remote_after: str | None
    section: list[tuple[str, str]]
