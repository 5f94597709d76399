"""Gates: what a result must pass before anything of it is published. One protocol for all of them.

A gate looks at results and changes none. It answers with a verdict for each; what a verdict makes of a result is decided here
alone. Which gates there are, and in which order, is in `gate_list.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gitalign.core.findings import Finding
from gitalign.core.names import StepId
from gitalign.core.outcome import Aligned, Cancelled, Failed, Outcome, StepResult, with_auto_resolved
from gitalign.core.plan import Plan, Step
from gitalign.core.rules import Compliance
from gitalign.core.validation import Validation
from gitalign.engine.runtime.context import RunContext
from gitalign.git.quarantine import Quarantine
from gitalign.ports import VerdictCache
from gitalign.worktrees.pool import WorkTreePool

_UNFIT = "its result there may not be published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says of one aligned result.

    Attributes:
        refusal: the outcome that the result has instead; None when it passes.
        findings: what was found.
        detection: what the detectors say in one word; empty when none looked.
        compliance: what the house rules say.
        validation: what the operator's checks say.
        duration_s: what the gate took for this result alone, in seconds; 0 where results are not looked at one by one.
    """

    refusal: Failed | Cancelled | None = None
    findings: tuple[Finding, ...] = ()
    detection: str = ""
    compliance: Compliance | None = None
    validation: Validation | None = None
    duration_s: float = 0.0


PASS = Verdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What the gates of a run work with.

    Attributes:
        run: the run.
        plan: whose steps.
        quarantine: sees the results.
        cache: verdicts of earlier runs.
        pool: work trees for checks that are asked for again and again; None for some of their own each time.
    """

    run: RunContext
    plan: Plan
    quarantine: Quarantine
    cache: VerdictCache
    pool: WorkTreePool | None = None

    def step(self, result: StepResult) -> Step:
        """The step of a result."""
        return self.plan.steps[StepId(result.step_id)]


class Gate(Protocol):
    """One demand that results are held to."""

    @property
    def phase(self) -> str:
        """Its name among the phases of a run."""

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterable[Verdict]:
        """One verdict for each result, in order.

        All are given together because gates share what they read, or look at several side by side.

        Args:
            results: aligned ones; at least one.
            context: of the run.

        Raises:
            GitError, OutOfSpace, UserError: nothing may be published.
        """


def through_gates(
    results: Sequence[StepResult], gates: Sequence[Gate], context: GateContext, *, passed: Callable[[str], None]
) -> tuple[StepResult, ...]:
    """The results after every gate, one gate after the other; what one refuses the next does not see.

    Args:
        results: of a plan.
        gates: in order.
        context: of the run.
        passed: called with the phase of each gate that is done.
    """
    for gate in gates:
        aligned = [result for result in results if isinstance(result.outcome, Aligned)]
        verdicts = gate.judge(aligned, context) if aligned else ()
        judged = {
            result.step_id: held_to(result, one, phase=gate.phase)
            for result, one in zip(aligned, verdicts, strict=True)
        }
        results = [judged.get(result.step_id, result) for result in results]
        passed(gate.phase)
    return tuple(results)


def held_to(result: StepResult, verdict: Verdict, *, phase: str = "") -> StepResult:
    """What a verdict makes of an aligned result.

    Args:
        result: an aligned one.
        verdict: about it.
        phase: what the time of the verdict counts for.
    """
    if verdict is PASS:
        return result
    aligned = result.outcome
    assert isinstance(aligned, Aligned)
    outcome: Outcome = aligned
    if verdict.refusal is not None:
        outcome = _refused(aligned, verdict)
    elif verdict.findings:
        outcome = replace(aligned, findings=(*aligned.findings, *verdict.findings))
    return replace(
        result,
        outcome=outcome,
        detection=verdict.detection or result.detection,
        compliance=verdict.compliance or result.compliance,
        validation=verdict.validation or result.validation,
        duration_s=result.duration_s + verdict.duration_s,
        phases=(*result.phases, (phase, verdict.duration_s)) if verdict.duration_s else result.phases,
    )


def _refused(aligned: Aligned, verdict: Verdict) -> Outcome:
    """The outcome of a refused result: it tells what was resolved in it without a person.

    A branch that checks or house rules keep from going part of the way simply conflicts, as it did before.
    """
    if not isinstance(verdict.refusal, Failed):
        return verdict.refusal or aligned
    failed = verdict.refusal
    if verdict.findings:
        failed = replace(failed, findings=(*aligned.findings, *verdict.findings))
    failed = with_auto_resolved(failed, aligned)
    if aligned.stopped_by is not None and failed.stage == "validate":
        return replace(aligned.stopped_by, not_moved_reason=f"{_UNFIT}: {failed.reason}")
    return failed
