"""Models: what checks of the operator said."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.validation import CheckKind, CheckStatus, ValidationStatus


class CheckResultDocument(TypedDict):
    """One check of one branch."""

    name: str
    kind: CheckKind
    status: CheckStatus
    required: bool
    reason: str
    command: list[str]
    exit_code: int | None
    duration_s: float
    output: str
    output_bytes: int
    attempts: int
    from_memory: bool
    coverage_percent: float | None


class ValidationDocument(TypedDict):
    """All checks of one branch."""

    status: ValidationStatus
    checks: list[CheckResultDocument]
    tests: str
    confinement: str
    reason: str
    duration_s: float
