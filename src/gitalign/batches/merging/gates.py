"""What a merged batch must pass before it lands: detection, house rules, and the operator's checks. Those of any other run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitalign.batches.running.state import MergeStatus
from gitalign.core.branch import Branch
from gitalign.core.names import BranchName, Oid, StepId
from gitalign.core.outcome import Aligned, AlignedKind, Failed, StepResult
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.core.policy import Policy, Strategy
from gitalign.core.snapshot import Snapshot
from gitalign.core.validation import ValidationPlan
from gitalign.engine.gates.detection import Detection, Looked, outside_a_run
from gitalign.engine.gates.gate import Gate, GateContext, Verdict
from gitalign.engine.gates.repository_rules import RepositoryRules, RulesGate
from gitalign.engine.gates.validation import ChecksGate
from gitalign.engine.runtime.context import RunContext
from gitalign.git.history import load_graph
from gitalign.git.quarantine import Quarantine

NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What is configured.

    Attributes:
        detection: the detectors.
        rules: the house rules; None for none.
        checks: the operator's checks.
    """

    detection: Detection
    rules: RepositoryRules | None
    checks: ValidationPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What the gates say of a merged batch.

    Attributes:
        status: `success`, or why it may not land.
        reason: in words; empty when it may.
        tests: how the command named as the tests ended, `not_configured` when none is.
        output: of checks that refuse.
        detection: `not_configured`, or `passed` or `refused`.
        rules: the same of house rules.
    """

    status: MergeStatus = MergeStatus.SUCCESS
    reason: str = ""
    tests: str = NOT_CONFIGURED
    output: str = ""
    detection: str = NOT_CONFIGURED
    rules: str = NOT_CONFIGURED


def through(gates: Gates, run: RunContext, quarantine: Quarantine, plan: Plan, tip: Oid) -> GateAnswer:
    """Hold a merged batch to every gate; the first that refuses it decides.

    Args:
        gates: what is configured.
        run: the landing.
        quarantine: sees the merged batch.
        plan: of `landing_plan`.
        tip: the merged batch.

    Raises:
        GitError, OutOfSpace, UserError: nothing may land.
    """
    step = plan.steps[0]
    answer = GateAnswer()
    seen = replace(quarantine.repository, git=quarantine.git)
    if gates.detection.detectors:
        looked = Looked(branch=step.branch.name, target=step.target.name, before=tip, onto=step.onto, after=tip)
        with outside_a_run(seen, looked, timeout_s=run.limits.detection_timeout_s) as request:
            verdict = gates.detection.judge(request)
        answer = _held(answer, verdict, MergeStatus.REFUSED, detection="passed")
        if answer.status is not MergeStatus.SUCCESS:
            return replace(answer, detection="refused")
    context = GateContext(run=run, plan=plan, quarantine=quarantine, cache=run.journal)
    result = _result(plan, tip)
    if gates.rules is not None:
        gate: Gate = RulesGate(gates.rules, load_graph(seen, [tip, step.onto]))
        (verdict,) = gate.judge([result], context)
        answer = _held(answer, verdict, MergeStatus.REFUSED, rules="passed")
        if answer.status is not MergeStatus.SUCCESS:
            return replace(answer, rules="refused")
    if gates.checks.is_configured:
        (verdict,) = ChecksGate(gates.checks).judge([result], context)
        validation = verdict.validation
        tests = validation.tests if validation is not None else NOT_CONFIGURED
        refusing = validation.refusing if validation is not None else ()
        output = "\n".join(f"{check.name}: {check.reason}\n{check.output}".rstrip() for check in refusing)
        answer = _held(answer, verdict, MergeStatus.TEST_FAILED, tests=tests, output=output)
    return answer


def landing_plan(name: str, *, target: Target, snapshot: Snapshot, tip: Oid, commits: int) -> Plan:
    """The plan of a landing: one step, the batch, onto its target.

    Args:
        name: of the batch.
        target: with its tip.
        snapshot: of the repository.
        tip: the merged batch.
        commits: that the target does not have.
    """
    step = Step(
        id=StepId(0),
        branch=Branch(name=BranchName(name), target=target.name),
        target=target,
        kind=StepKind.MERGE,
        strategy=Strategy.MERGE,
        seen=tip,
        onto=target.oid,
        own_commits=commits,
        behind=0,
        stack=0,
    )
    return Plan(id="", snapshot=snapshot, policy=Policy(), targets=(target,), steps=(step,), excluded=())


def _result(plan: Plan, tip: Oid) -> StepResult:
    step = plan.steps[0]
    outcome = Aligned(how=AlignedKind.MERGED, before=tip, after=tip, onto=step.onto, tree=tip)
    return StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)


def _held(answer: GateAnswer, verdict: Verdict, status: MergeStatus, **passed: str) -> GateAnswer:
    answer = replace(answer, **passed)  # type: ignore[arg-type]
    if verdict.refusal is None:
        return answer
    reason = verdict.refusal.reason
    if isinstance(verdict.refusal, Failed) and verdict.findings:
        reason += f": {'; '.join(one.message for one in verdict.findings[:3])}"
    return replace(answer, status=status, reason=reason)
