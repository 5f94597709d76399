"""Models: conflicts as git names them, and the commit up to which a branch aligns."""

from __future__ import annotations

from typing_extensions import TypedDict


class ConflictDocument(TypedDict):
    """One conflict as git names it."""

    kind: str
    paths: list[str]
    message: str


class StageEntryDocument(TypedDict):
    """One side of a conflicted path."""

    stage: int
    mode: str
    oid: str
    path: str


class KnownConflictDocument(TypedDict):
    """A conflict of one file for which something is on record; whether it fits was not tried."""

    path: str
    conflict: str


class AlignablePointDocument(TypedDict):
    """How far along its target's own line (first parents) a conflicting branch aligns, and what stops it there."""

    fork: str
    clean: str
    broken: str
    gained: int
    ahead: int
    is_merge: bool
    author: str
    email: str
    subject: str
    commit: str | None
    commit_author: str
    commit_email: str
    commit_subject: str
    position: int
    total: int
    conflicts: list[ConflictDocument]
    paths: list[str]


class UndeterminedDocument(TypedDict):
    """How far a conflicting branch aligns cannot be determined: `no_common_line`, `missing_object`, `stopped`, ..."""

    code: str
    reason: str
