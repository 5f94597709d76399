"""Files of a run's folder and of a work tree."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from gitalign.core.certificate import PatchVerdict
from gitalign.documents.models.house_rules import JudgedComplianceDocument
from gitalign.documents.models.timestamps import Time


class AuditEventDocument(TypedDict):
    """A line of `audit.jsonl`; further keys are the event's own."""

    at: Time
    run: str
    seq: int
    event: str
    branch: NotRequired[str]
    target: NotRequired[str]


class SettingsDocument(TypedDict):
    """The settings that a run began with; `digest` is the SHA-256 of the rest, its keys sorted."""

    settings: dict[str, dict[str, Any]]
    origins: dict[str, str]
    rules: str
    plugins: list[str]
    digest: str


class ResolutionCourseDocument(TypedDict):
    """How far a manual resolution is."""

    picks: list[str]
    stand_ins: dict[str, str]
    seen: list[str]
    rest: list[str] | None
    tip: str | None


class SummaryCommitDocument(TypedDict):
    """A commit of a branch and what became of it."""

    old: str
    new: str | None
    subject: str
    author: str
    patch: PatchVerdict | None
    breaking: bool


class SummaryFileDocument(TypedDict):
    """A file that differs between target and result."""

    path: str
    status: str
    added: int | None
    deleted: int | None


class SummaryDropDocument(TypedDict):
    """A commit that is not in the result."""

    commit: str
    reason: str
    subject: str
    upstream: str | None


class SummaryConflictDocument(TypedDict):
    """A conflict."""

    kind: str
    paths: list[str]


class SummaryFindingDocument(TypedDict):
    """What a check or detector found."""

    code: str
    severity: str
    path: str | None
    line: int | None
    message: str
    introduced_by: str | None


class SummaryCheckDocument(TypedDict):
    """A check."""

    name: str
    status: str
    reason: str


class SummaryValidationDocument(TypedDict):
    """All checks."""

    status: str
    checks: list[SummaryCheckDocument]


class ChangeSummaryDocument(TypedDict):
    """What a run made of a branch, in short."""

    run_id: str
    branch: str
    target: str
    verdict: str
    detail: str
    before: str
    onto: str
    after: str | None
    target_commits: int
    commits: list[SummaryCommitDocument]
    features: list[str]
    fixes: list[str]
    other: list[str]
    architectural: list[str]
    files: list[SummaryFileDocument]
    also_changed_by_the_target: list[str]
    dropped: list[SummaryDropDocument]
    conflicts: list[SummaryConflictDocument]
    findings: list[SummaryFindingDocument]
    validation: SummaryValidationDocument
    house_rules: JudgedComplianceDocument | None


class BranchStoryDocument(TypedDict):
    """What a run did to a branch, commit by commit; `range_diff` is empty when no change differs."""

    run_id: str
    branch: str
    range_diff: list[str]
    summary: ChangeSummaryDocument


class ValidationReportDocument(TypedDict):
    """What `ValidationVerificationFramework` writes of the branches of a run."""

    run_id: str
    generated_at: Time
    branches: list[dict[str, Any]]
    summary: dict[str, int]
