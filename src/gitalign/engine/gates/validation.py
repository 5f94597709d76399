"""Validation: the operator's checks of every aligned branch, before anything moves."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gitalign.core.events import EventKind
from gitalign.core.outcome import NOTHING_OWN, Aligned, Failed, StepResult
from gitalign.core.validation import (
    Validation,
    ValidationPlan,
    ValidationStatus,
)
from gitalign.core.width import Width, WidthBounds
from gitalign.engine.gates.branch_checks import BranchChecks, HiddenOf
from gitalign.engine.gates.gate import GateContext, Verdict
from gitalign.engine.runtime.scaling import Scaling

_LOG = logging.getLogger("gitalign.validation")
_SWITCHED_OFF = Validation(status=ValidationStatus.SKIPPED, reason="switched off for this run")
_NOTHING_OWN = Validation(status=ValidationStatus.SKIPPED, reason="it holds nothing that its target does not")


@dataclass(frozen=True, slots=True)
class ChecksGate:
    """The operator's checks. A result that fails a required one is refused.

    Attributes:
        checks: what to check and how.
        hidden_of: patterns of files that checks of a branch must not read.
    """

    checks: ValidationPlan
    hidden_of: HiddenOf = lambda _: ()
    phase: str = "validate"

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterable[Verdict]:
        """See `Gate`. After a stop, branches whose checks have not ended are cancelled.

        Raises:
            GitError, OutOfSpace
            UserError: a confinement is required that this machine does not offer.
        """
        if not self.checks.enabled:
            return [Verdict(validation=_SWITCHED_OFF)] * len(results)
        wanted = [result for result in results if _holds_something(result)]
        if not wanted:
            return [Verdict(validation=_NOTHING_OWN)] * len(results)
        verdicts = dict(zip((result.step_id for result in wanted), self._checked(wanted, context), strict=True))
        context.run.emit(
            EventKind.VALIDATION_FINISHED,
            passed=sum(verdict.refusal is None for verdict in verdicts.values()),
            refused=sum(isinstance(verdict.refusal, Failed) for verdict in verdicts.values()),
        )
        return [verdicts.get(result.step_id, Verdict(validation=_NOTHING_OWN)) for result in results]

    def _checked(self, wanted: Sequence[StepResult], context: GateContext) -> Iterator[Verdict]:
        """All branches, side by side: as many as there are work trees, fewer while the machine is short of something."""
        emit = context.run.emit
        with BranchChecks.opened(self.checks, wanted, context, hidden_of=self.hidden_of) as branch_checks:
            width = branch_checks.runner.pool.width
            confinement = branch_checks.runner.confinement.words
            emit(EventKind.VALIDATION_STARTED, branches=len(wanted), work_trees=width, confinement=confinement)
            with ThreadPoolExecutor(width, thread_name_prefix="validation") as pool:
                scaling = Scaling(WidthBounds(1, width), first=width, changed=lambda now: _log(now, width))

                def judge(result: StepResult) -> Verdict:
                    with scaling.taking_part(lambda: context.run.stop.stop_requested):
                        return branch_checks.judge(result)

                verdicts = pool.map(judge, wanted)
                for done, (result, verdict) in enumerate(zip(wanted, verdicts, strict=True), 1):
                    validation = verdict.validation or result.validation
                    emit(
                        EventKind.BRANCH_VALIDATED,
                        branch=result.branch,
                        target=context.step(result).target.name,
                        status=validation.status.value,
                        done=done,
                        of=len(wanted),
                    )
                    yield verdict


def _log(now: Width, most: int) -> None:
    _LOG.info("%d of %d branches are checked at once: %s", now.allowed, most, now.reason)


def _holds_something(result: StepResult) -> bool:
    return isinstance(result.outcome, Aligned) and result.outcome.how not in NOTHING_OWN
