"""The validation gate's document, key for key as the gate's specification has it (`schemas/gate.schema.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gitalign.core.names import display
from gitalign.core.outcome import Aligned, Failed, StepResult
from gitalign.core.validation import TESTS, CheckKind, CheckResult, CheckStatus, Validation, ValidationStatus

FRAMEWORK = "git-align"


def gate_document(result: StepResult, *, target: str, author: str | None, at: datetime) -> dict[str, Any]:
    """What the gate says of a branch, without the name and version that the file has.

    `can_push` is true for one that is aligned and either passed its checks or was excused from them by the configuration.

    Args:
        result: of the branch.
        target: it is aligned with.
        author: of its last commit, to be named when it may not be pushed.
        at: when it was looked at.
    """
    validation = result.validation
    files = [check for check in validation.checks if check.kind is CheckKind.FILE]
    others = [check for check in validation.checks if check.kind is not CheckKind.FILE]
    can_push = isinstance(result.outcome, Aligned) and validation.status is not ValidationStatus.FAILED
    reason = None if can_push else _reason(result)
    return {
        "branch_name": result.branch,
        "target_branch": target,
        "validation_status": validation.status.value,
        "pre_merge_validation": {
            "status": _status(files, validation),
            "execution_time_seconds": round(sum(check.duration_s for check in files), 6),
            "checks_run": sum(check.status is not CheckStatus.SKIPPED for check in files),
            "checks_passed": sum(_is_good(check) for check in files),
            "checks_failed": sum(check.refuses for check in files),
            "messages": [_message(check) for check in files if check.reason],
        },
        "comprehensive_validation": {
            "status": _status(others, validation),
            "execution_time_seconds": round(sum(check.duration_s for check in others), 6),
            "framework": FRAMEWORK,
            "build_status": _named(others, "build"),
            "test_results": {
                "status": validation.tests,
                "checks": {check.name: check.status.value for check in others},
            },
            "coverage_percent": next(
                (check.coverage_percent for check in others if check.coverage_percent is not None), None
            ),
            "messages": [_message(check) for check in others if check.reason],
        },
        "overall_validation_time_seconds": round(validation.duration_s, 6),
        "confinement": validation.confinement,
        "can_push": can_push,
        "failure_reason": reason,
        "failure_details": [
            {"check": check.name, "status": check.status.value, "reason": check.reason, "output": check.output}
            for check in validation.refusing
        ],
        "developer_notification": None
        if reason is None
        else {
            "recipient": author,
            "subject": f"{display(result.branch)} cannot be pushed: {reason}",
            "message": _letter(result, target=target, reason=reason),
        },
        "validation_timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _reason(result: StepResult) -> str:
    outcome = result.outcome
    return outcome.reason if isinstance(outcome, Failed) else f"it ended as {outcome.kind}"


def _status(checks: Sequence[CheckResult], validation: Validation) -> str:
    if not checks:
        is_off = validation.status is ValidationStatus.SKIPPED and not validation.checks
        return (ValidationStatus.SKIPPED if is_off else ValidationStatus.NOT_CONFIGURED).value
    if any(check.refuses for check in checks):
        return ValidationStatus.FAILED.value
    if all(check.status is CheckStatus.SKIPPED for check in checks):
        return ValidationStatus.SKIPPED.value
    if any(check.required and check.status is CheckStatus.FAILED_BEFORE for check in checks):
        return ValidationStatus.INCONCLUSIVE.value
    return ValidationStatus.PASSED.value


def _is_good(check: CheckResult) -> bool:
    return check.status in (CheckStatus.PASSED, CheckStatus.FLAKY)


def _named(checks: Sequence[CheckResult], name: str) -> str:
    return next((check.status.value for check in checks if check.name == name), ValidationStatus.NOT_CONFIGURED.value)


def _message(check: CheckResult) -> str:
    return f"{check.name}: {check.status.value.replace('_', ' ')}: {check.reason}"


def _letter(result: StepResult, *, target: str, reason: str) -> str:
    lines = [f"{display(result.branch)} was aligned with {display(target)}, but not moved: {reason}", ""]
    for check in result.validation.refusing:
        words = " ".join(check.command)
        lines.append(f"- {_message(check)}" + (f" ({words})" if words else ""))
    tests = next((check for check in result.validation.refusing if check.name == TESTS), None)
    shown = tests or next((check for check in result.validation.refusing if check.output), None)
    if shown is not None:
        lines += ["", f"The end of what {shown.name} wrote:", "", *shown.output.splitlines()[-20:]]
    return "\n".join(lines) + "\n"
