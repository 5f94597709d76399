"""Documents: the report of a run."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from gitalign.core.plan import StepKind
from gitalign.core.policy import Strategy
from gitalign.core.report import Verdict
from gitalign.documents.models.house_rules import JudgedComplianceDocument
from gitalign.documents.models.moves import MoveDocument
from gitalign.documents.models.outcomes import OutcomeDocument
from gitalign.documents.models.plans import ExclusionDocument, TargetDocument
from gitalign.documents.models.runs import RunDocument
from gitalign.documents.models.timestamps import Time
from gitalign.documents.models.validations import ValidationDocument


class BranchReportDocument(TypedDict):
    """What became of one branch."""

    branch: str
    target: str
    verdict: Verdict
    detail: str
    reason_for_target: str
    strategy: Strategy
    kind: StepKind
    integration_branch: str | None
    own_commits: int
    behind: int
    merges: int
    stack: int
    notes: list[str]
    outcome: OutcomeDocument
    detection: str
    validation: ValidationDocument
    documentation: str
    house_rules: JudgedComplianceDocument | None
    summary: str | None
    duration_s: float
    phases: dict[str, float]
    attempts: int
    publication: MoveDocument | None


class ReportDocument(TypedDict):
    """The report of a run."""

    run: RunDocument
    exit_code: int
    counts: dict[str, int]
    targets: list[TargetDocument]
    branches: list[BranchReportDocument]
    moves: list[MoveDocument]
    excluded: list[ExclusionDocument]
    phases: dict[str, float]
    peak_memory_bytes: int
    processor_s: NotRequired[float]
    breaker_tripped: bool
    notices: list[str]
    executed_at: Time
    total_s: float
    waiting_pushes: NotRequired[list[MoveDocument]]


class ReportsDocument(TypedDict):
    """The reports of the runs that `resume` finished."""

    reports: list[ReportDocument]


class DemoDocument(ReportDocument):
    """The report of the demonstration's run, and where it is."""

    folder: str
    directory: str
