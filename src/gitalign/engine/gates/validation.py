"""Validating every aligned branch of a run: the operator's checks, before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gitalign.core.events import EventKind
from gitalign.core.outcome import NOTHING_OWN, Aligned, Failed, StepResult
from gitalign.core.plan import Plan
from gitalign.core.validation import (
    Validation,
    ValidationPlan,
    ValidationStatus,
)
from gitalign.engine.gates.check_runner import CheckRunner
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.quarantine import Quarantine
from gitalign.ports import Emitter, VerdictMemory

_SWITCHED_OFF = Validation(status=ValidationStatus.SKIPPED, reason="switched off for this run")
_NOTHING_OWN = Validation(status=ValidationStatus.SKIPPED, reason="it holds nothing that its target does not")


def validate(
    quarantine: Quarantine,
    plan: Plan,
    results: Sequence[StepResult],
    *,
    checks: ValidationPlan,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> tuple[StepResult, ...]:
    """Run all checks on every aligned branch; one that fails a required check ends as failed.

    Args:
        quarantine: sees the results.
        plan: whose steps.
        results: of the steps.
        checks: what to check and how.
        memory: passes of earlier runs; new ones are added.
        emit: the event stream.
        stop: the stop button; branches whose checks have not ended when it is pressed are cancelled.
        at: now, for the memory.

    Raises:
        GitError, OutOfSpace
        UserError: a confinement is required that this machine does not offer.
    """
    if not checks.is_configured:
        return tuple(results)
    if not checks.enabled:
        return tuple(_with(one, _SWITCHED_OFF) if isinstance(one.outcome, Aligned) else one for one in results)
    wanted: list[tuple[StepResult, Aligned]] = []
    kept: dict[int, StepResult] = {}
    for one in results:
        if isinstance(one.outcome, Aligned) and one.outcome.how not in NOTHING_OWN:
            wanted.append((one, one.outcome))
        elif isinstance(one.outcome, Aligned):
            kept[one.step_id] = _with(one, _NOTHING_OWN)
    if wanted:
        with CheckRunner.opened(quarantine, plan, [one for _, one in wanted], checks, memory, emit, stop, at) as site:
            emit(
                EventKind.VALIDATION_STARTED,
                branches=len(wanted),
                work_trees=site.width,
                confinement=site.confinement.words,
            )
            kept |= {one.step_id: one for one in site.validate([one for one, _ in wanted])}
        emit(
            EventKind.VALIDATION_FINISHED,
            passed=sum(isinstance(kept[one.step_id].outcome, Aligned) for one, _ in wanted),
            refused=sum(isinstance(kept[one.step_id].outcome, Failed) for one, _ in wanted),
        )
    return tuple(kept.get(one.step_id, one) for one in results)


def _with(result: StepResult, validation: Validation) -> StepResult:
    return replace(result, validation=validation)
