"""What checks of the operator said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.validation import CheckKind, CheckResult, CheckStatus, Validation, ValidationStatus
from gitalign.documents.reading import as_bool, as_float, as_int, as_text, each, field, maybe, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.validations import CheckResultDocument, ValidationDocument

_CHECK_KIND = member_of(CheckKind)
_CHECK_STATUS = member_of(CheckStatus)
_VALIDATION_STATUS = member_of(ValidationStatus)


def dump_check_result(value: CheckResult) -> CheckResultDocument:
    """One check of one branch."""
    return {
        "name": value.name,
        "kind": value.kind,
        "status": value.status,
        "required": value.required,
        "reason": value.reason,
        "command": list(value.command),
        "exit_code": value.exit_code,
        "duration_s": value.duration_s,
        "output": value.output,
        "output_bytes": value.output_bytes,
        "attempts": value.attempts,
        "from_memory": value.from_memory,
        "coverage_percent": value.coverage_percent,
    }


def load_check_result(value: Any) -> CheckResult:
    """Reads what `dump_check_result` writes; raises `Malformed`."""
    data = members(value)
    return CheckResult(
        name=field(data, "name", as_text),
        kind=field(data, "kind", _CHECK_KIND),
        status=field(data, "status", _CHECK_STATUS),
        required=field(data, "required", as_bool, True),
        reason=field(data, "reason", as_text, ""),
        command=each(data, "command", as_text, ()),
        exit_code=maybe(data, "exit_code", as_int, None),
        duration_s=field(data, "duration_s", as_float, 0.0),
        output=field(data, "output", as_text, ""),
        output_bytes=field(data, "output_bytes", as_int, 0),
        attempts=field(data, "attempts", as_int, 1),
        from_memory=field(data, "from_memory", as_bool, False),
        coverage_percent=maybe(data, "coverage_percent", as_float, None),
    )


def dump_validation(value: Validation) -> ValidationDocument:
    """All checks of one branch."""
    return {
        "status": value.status,
        "checks": [dump_check_result(item) for item in value.checks],
        "tests": value.tests,
        "confinement": value.confinement,
        "reason": value.reason,
        "duration_s": value.duration_s,
    }


def load_validation(value: Any) -> Validation:
    """Reads what `dump_validation` writes; raises `Malformed`."""
    data = members(value)
    return Validation(
        status=field(data, "status", _VALIDATION_STATUS),
        checks=each(data, "checks", load_check_result, ()),
        tests=field(data, "tests", as_text, "not_configured"),
        confinement=field(data, "confinement", as_text, ""),
        reason=field(data, "reason", as_text, ""),
        duration_s=field(data, "duration_s", as_float, 0.0),
    )
