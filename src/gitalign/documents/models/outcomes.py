"""Models: outcomes: how a step ended, by kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from gitalign.core.outcome import AlignedKind
from gitalign.documents.models.conflicts import (
    AlignablePointDocument,
    ConflictDocument,
    KnownConflictDocument,
    StageEntryDocument,
    UndeterminedDocument,
)
from gitalign.documents.models.findings import (
    AppliedResolutionDocument,
    DroppedDocument,
    FindingDocument,
    RewriteDocument,
)


class AlignedDocument(TypedDict):
    """The branch takes in its target; `after` is what its ref is to hold."""

    kind: Literal["aligned"]
    how: AlignedKind
    before: str
    after: str
    onto: str
    tree: str
    rewritten: list[RewriteDocument]
    dropped: list[DroppedDocument]
    findings: list[FindingDocument]
    unsigned: int
    rung: str
    climbed: list[str]
    resolved: list[AppliedResolutionDocument]
    stopped_by: ConflictedDocument | None


class ConflictedDocument(TypedDict):
    """git cannot merge it without a person. The branch stays where it was."""

    kind: Literal["conflicted"]
    commit: str | None
    subject: str
    position: int
    total: int
    onto: str
    conflicts: list[ConflictDocument]
    entries: list[StageEntryDocument]
    reproduce: list[str]
    climbed: list[str]
    remembered: bool
    known_resolutions: list[KnownConflictDocument]
    undecided: list[str]
    recreating: str | None
    on_the_way: str | None
    furthest: AlignablePointDocument | UndeterminedDocument | None
    stays: str


class UnchangedDocument(TypedDict):
    """Nothing to do. `code` is `up_to_date`, `already_merged`, or `nothing_left`: git drops every commit, yet merging would change the target."""

    kind: Literal["unchanged"]
    code: str
    reason: str


class RefusedDocument(TypedDict):
    """git-align will not touch this branch under the present policy; nothing went wrong."""

    kind: Literal["refused"]
    code: str
    reason: str
    hint: str


class FailedDocument(TypedDict):
    """Something is broken: a missing object, a time-out, a full disk, a failed check, a bug."""

    kind: Literal["failed"]
    code: str
    reason: str
    hint: str
    stage: Literal["integrate", "conserve", "detect", "validate", "document", "publish", "engine"]
    findings: list[FindingDocument]
    resolved: list[AppliedResolutionDocument]


class SkippedDocument(TypedDict):
    """The branch was not started: `circuit_breaker`, `claimed_by_other_run`, …"""

    kind: Literal["skipped"]
    code: str
    reason: str


class CancelledDocument(TypedDict):
    """The operator stopped the run before this branch was done."""

    kind: Literal["cancelled"]
    reason: str


OutcomeDocument = Annotated[
    AlignedDocument
    | UnchangedDocument
    | ConflictedDocument
    | RefusedDocument
    | FailedDocument
    | SkippedDocument
    | CancelledDocument,
    Field(discriminator="kind"),
]
