"""Which gates results pass, in which order: the one list, for runs and for landings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitalign.core.access import AccessRules
from gitalign.core.graph import CommitGraph
from gitalign.core.outcome import Aligned, StepResult
from gitalign.core.validation import ValidationPlan
from gitalign.engine.gates.detection import Detection, Looked, request_of
from gitalign.engine.gates.gate import Gate, GateContext, Verdict
from gitalign.git.object_source import RepositorySource

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules


def gates_of(
    *,
    first: Gate | None = None,
    rules: RepositoryRules | None = None,
    graph: CommitGraph | None = None,
    checks: ValidationPlan | None = None,
    access: AccessRules | None = None,
) -> list[Gate]:
    """The gates for what is configured, in order.

    Args:
        first: proofs or detection, whichever looks before the rest.
        rules: the house rules; None for none.
        graph: history behind the results, which house rules need.
        checks: the operator's checks; None for none.
        access: which files branches may change; None for all.
    """
    # A gate that is not configured is not imported: some stand on much that nothing else of a run needs.
    gates: list[Gate] = [first] if first is not None else []
    if access is not None:
        from gitalign.engine.gates.access import AccessGate

        gates.append(AccessGate(access))
    if rules is not None and graph is not None:
        from gitalign.engine.gates.repository_rules import RulesGate

        gates.append(RulesGate(rules, graph))
    if checks is not None and checks.is_configured:
        from gitalign.engine.gates.validation import ChecksGate

        gates.append(ChecksGate(checks, access.hidden_of) if access is not None else ChecksGate(checks))
    return gates


@dataclass(frozen=True, slots=True)
class DetectionGate:
    """Detection of results that were not looked at while they were made.

    Attributes:
        detection: the detectors.
        graph: history behind the results.
    """

    detection: Detection
    graph: CommitGraph
    phase: str = "detect"

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterator[Verdict]:
        """See `Gate`."""
        repository = replace(context.quarantine.repository, git=context.quarantine.git)
        timeout_s = context.run.limits.detection_timeout_s
        sources = [RepositorySource(repository.git, timeout_s=timeout_s)]
        try:
            for result in results:
                outcome, step = result.outcome, context.step(result)
                assert isinstance(outcome, Aligned)
                looked = Looked(
                    branch=step.branch.name,
                    target=step.target.name,
                    before=step.seen,
                    onto=outcome.onto,
                    after=outcome.after,
                )
                request = request_of(looked, repository=repository.git.git_dir, graph=self.graph, source=sources[-1])
                # A detector that is late still reads from the source it was given: the next one gets another.
                yield self.detection.judge(
                    request,
                    left_behind=lambda: sources.append(RepositorySource(repository.git, timeout_s=timeout_s)),
                )
        finally:
            for source in sources:
                source.close()
