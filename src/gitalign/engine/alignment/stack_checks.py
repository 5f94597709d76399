"""Branches that stood on one another and do so no more, reported once it is known what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.findings import Finding, Severity
from gitalign.core.names import StepId, display
from gitalign.core.outcome import Aligned, AlignedKind, StepResult
from gitalign.core.plan import Plan

_KEEPING = frozenset({AlignedKind.MERGED, AlignedKind.INTEGRATED})
"""The branch's own commits are what they were."""


def with_stack_notes(plan: Plan, results: Sequence[StepResult]) -> tuple[StepResult, ...]:
    """Results with a finding for each branch that does not hold what a branch beneath it has become."""
    outcomes = {one.step_id: one.outcome for one in results}
    told: list[StepResult] = []
    for result in results:
        outcome = result.outcome
        if isinstance(outcome, Aligned):
            left = [
                plan.step(below).branch.name
                for below in plan.step(StepId(result.step_id)).depends_on
                if isinstance(beneath := outcomes.get(below), Aligned) and not _holds(outcome, beneath)
            ]
            if left:
                finding = Finding(
                    code="stack_came_apart",
                    severity=Severity.WARNING,
                    message=f"stood on {', '.join(map(display, left))}, which was aligned in another way: it holds the commits from before",
                    detector="gitalign",
                    introduced_by="integration",
                )
                result = replace(result, outcome=replace(outcome, findings=(*outcome.findings, finding)))
        told.append(result)
    return tuple(told)


def _holds(above: Aligned, beneath: Aligned) -> bool:
    """Whether the upper one has every commit of the lower one as the lower one has it now, the merge of its target left aside."""
    if beneath.how in _KEEPING:
        return above.how in _KEEPING
    mine = {pair.new for pair in above.rewritten}
    if above.how in _KEEPING:
        return all(pair.old == pair.new for pair in beneath.rewritten)
    return all(pair.new in mine for pair in beneath.rewritten)
