"""Models: results of steps."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.house_rules import ComplianceDocument
from gitalign.documents.models.outcomes import (
    AlignedDocument,
    CancelledDocument,
    ConflictedDocument,
    FailedDocument,
    RefusedDocument,
    SkippedDocument,
    UnchangedDocument,
)
from gitalign.documents.models.validations import ValidationDocument


class StepResultDocument(TypedDict):
    """The outcome of one step with what it cost."""

    step_id: int
    branch: str
    outcome: (
        AlignedDocument
        | UnchangedDocument
        | ConflictedDocument
        | RefusedDocument
        | FailedDocument
        | SkippedDocument
        | CancelledDocument
    )
    duration_s: float
    phases: list[tuple[str, float]]
    attempts: int
    worker: int
    detection: str
    documentation: str
    summary: str | None
    validation: ValidationDocument
    compliance: ComplianceDocument | None
