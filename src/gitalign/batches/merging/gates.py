"""What merged results must pass before they land: the gates of any other run, each result by itself, then all of them tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gitalign.batches.merging.merge_members import MergedMembers
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import MergeStatus
from gitalign.core.access import AccessRules
from gitalign.core.branch import Branch
from gitalign.core.names import BranchName, Oid, StepId, display
from gitalign.core.outcome import Aligned, AlignedKind, Cancelled, Failed, StepResult
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.core.policy import Policy, Strategy
from gitalign.core.snapshot import Snapshot
from gitalign.core.validation import CheckStatus, ValidationPlan
from gitalign.engine.gates.access import CODE as FILE_NOT_ALLOWED
from gitalign.engine.gates.detection import Detection
from gitalign.engine.gates.gate import Gate, GateContext, through_gates
from gitalign.engine.gates.gate_list import DetectionGate, gates_of
from gitalign.engine.gates.repository_rules import RepositoryRules
from gitalign.engine.gates.validation import ChecksGate
from gitalign.engine.runtime.context import RunContext
from gitalign.git.history import load_graph
from gitalign.git.quarantine import Quarantine
from gitalign.worktrees.pool import WorkTreePool

NOT_CONFIGURED = "not_configured"
_ORIGINS = {"branch": "the task brought it", "integration": "the merge made it"}


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
    access: AccessRules | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What the gates say of merged results.

    Attributes:
        status: `success`, or why they may not land.
        reason: in words; empty when they may.
        culprit: name of the result that is refused by itself; empty where no single one is.
        tests: how the command named as the tests ended, `not_configured` when none is.
        output: of checks that refuse.
        flaky: names of checks that failed and then passed on the same files.
        detection: `not_configured`, or `passed` or `refused`.
        rules: the same of house rules.
        is_environment: the checks could not be made on this machine, which says nothing about any result.
    """

    status: MergeStatus = MergeStatus.SUCCESS
    reason: str = ""
    culprit: str = ""
    tests: str = NOT_CONFIGURED
    output: str = ""
    flaky: tuple[str, ...] = ()
    detection: str = NOT_CONFIGURED
    rules: str = NOT_CONFIGURED
    is_environment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateHolder:
    """Holds merged results to the gates.

    Attributes:
        gates: what is configured.
        run: the landing.
        quarantine: sees what was merged.
        target: with the commit that results were merged onto.
        snapshot: of the repository.
        name: of the batch.
        pool: gives the work trees in which checks run.
    """

    gates: Gates
    run: RunContext
    quarantine: Quarantine
    target: Target
    snapshot: Snapshot
    name: str
    pool: Callable[[GateContext], WorkTreePool | None] = lambda context: None

    def hold(self, members: Sequence[Member], merged: MergedMembers) -> GateAnswer:
        """Hold merged results to detection, house rules and the checks, in this order; the first that refuses decides.

        Args:
            members: the results.
            merged: what merging them came to.

        Raises:
            GitError, OutOfSpace, UserError: nothing may land.
        """
        answer = self._looked_at([member for member in members if member.name in merged.commits], merged)
        if answer.status is not MergeStatus.SUCCESS or not self.gates.checks.is_configured:
            return answer
        hidden = self._hidden(members)
        (result,) = self._through([self._whole(merged)], [ChecksGate(self.gates.checks, lambda _: hidden)])
        return _tested(answer, result)

    def _hidden(self, members: Sequence[Member]) -> tuple[str, ...]:
        """Patterns of what any of the results must not read: they are tested together."""
        if self.gates.access is None:
            return ()
        of_each = [self.gates.access.hidden_of(member.name) for member in members]
        return tuple(dict.fromkeys(pattern for one in of_each for pattern in one))

    def _whole(self, merged: MergedMembers) -> _Merge:
        return _Merge(name=self.name, seen=merged.tip, onto=self.target.oid, after=merged.tip)

    def _looked_at(self, members: Sequence[Member], merged: MergedMembers) -> GateAnswer:
        """Detection, of all of them at once; merge by merge only to know whose a finding is. The rest is asked merge by merge."""
        gates, rules, access = self.gates, self.gates.rules, self.gates.access
        looks = bool(gates.detection.detectors)
        if not members or not (looks or rules is not None or access is not None):
            return GateAnswer()
        steps = [
            _Merge(
                name=member.name, seen=member.tip, onto=merged.unions[member.name], after=merged.commits[member.name]
            )
            for member in members
        ]
        seen = replace(self.quarantine.repository, git=self.quarantine.git)
        graph = load_graph(seen, {oid for step in steps for oid in (step.seen, step.onto, step.after)})
        answer = GateAnswer(
            detection="passed" if looks else NOT_CONFIGURED, rules="passed" if rules is not None else NOT_CONFIGURED
        )
        detection = gates_of(first=DetectionGate(gates.detection, graph)) if looks else []
        of_all = _refused(self._through([self._whole(merged)], detection))
        if of_all is not None:
            refused = _refused(self._through(steps, detection))
            answer = replace(answer, detection="refused", rules=NOT_CONFIGURED)
            culprit = refused.branch if refused is not None else ""
            return replace(answer, status=MergeStatus.REFUSED, culprit=culprit, reason=self._words(refused or of_all))
        refused = _refused(self._through(steps, gates_of(rules=rules, graph=graph, access=access)))
        if refused is None:
            return answer
        said = answer.rules if getattr(refused.outcome, "code", "") == FILE_NOT_ALLOWED else "refused"
        reason = self._words(refused)
        return replace(answer, status=MergeStatus.REFUSED, culprit=refused.branch, reason=reason, rules=said)

    def _words(self, result: StepResult) -> str:
        outcome = result.outcome
        assert isinstance(outcome, Failed)
        refusing = [finding for finding in outcome.findings if self.gates.detection.rule.refuses(finding)]
        origin = _ORIGINS.get(refusing[0].introduced_by or "", "") if refusing else ""
        return f"{display(result.branch)}: {outcome.reason}{f' ({origin})' if origin else ''}"

    def _through(self, steps: Sequence[_Merge], gates: Sequence[Gate]) -> tuple[StepResult, ...]:
        plan = _plan_of(steps, target=self.target, snapshot=self.snapshot)
        context = GateContext(run=self.run, plan=plan, quarantine=self.quarantine, cache=self.run.journal)
        context = replace(context, pool=self.pool(context))
        results = [step.result(StepId(number)) for number, step in enumerate(steps)]
        return through_gates(results, gates, context, passed=lambda phase: None)


def _refused(results: Sequence[StepResult]) -> StepResult | None:
    """The first result that a gate refused."""
    return next((result for result in results if isinstance(result.outcome, Failed)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merge:
    """A merge as a step of a plan: a result, what it was merged onto, and what came of it."""

    name: str
    seen: Oid
    onto: Oid
    after: Oid

    def result(self, number: StepId) -> StepResult:
        outcome = Aligned(how=AlignedKind.MERGED, before=self.seen, after=self.after, onto=self.onto, tree=self.after)
        return StepResult(step_id=number, branch=self.name, outcome=outcome)


def _plan_of(merges: Sequence[_Merge], *, target: Target, snapshot: Snapshot) -> Plan:
    steps = tuple(
        Step(
            id=StepId(number),
            branch=Branch(name=BranchName(merge.name), target=target.name),
            target=target,
            kind=StepKind.MERGE,
            strategy=Strategy.MERGE,
            seen=merge.seen,
            onto=merge.onto,
            own_commits=1,
            behind=0,
            stack=number,
        )
        for number, merge in enumerate(merges)
    )
    return Plan(id="", snapshot=snapshot, policy=Policy(), targets=(target,), steps=steps, excluded=())


def _tested(answer: GateAnswer, result: StepResult) -> GateAnswer:
    """The answer with what the checks say."""
    validation = result.validation
    refusing = validation.refusing
    answer = replace(
        answer,
        tests=validation.tests,
        output="\n".join(f"{check.name}: {check.reason}\n{check.output}".rstrip() for check in refusing),
        flaky=tuple(check.name for check in validation.checks if check.status is CheckStatus.FLAKY),
        is_environment=bool(refusing) and all(check.is_environment for check in refusing),
    )
    match result.outcome:
        case Failed() as failed:
            return replace(answer, status=MergeStatus.TEST_FAILED, reason=failed.reason)
        case Cancelled() as cancelled:
            return replace(answer, status=MergeStatus.WAITING, reason=cancelled.reason)
        case _:
            return answer
