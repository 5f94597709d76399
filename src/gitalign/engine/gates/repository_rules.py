"""House rules over branches: as they stand, or as a run made them, before anything of it is published."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, Failed, StepResult
from gitalign.core.own_commits import UnknownCommit
from gitalign.core.plan import Plan, Step
from gitalign.core.rules import Compliance, RequirementResult, RulePack, compliance
from gitalign.engine.gates.gate import PASS, GateContext, Verdict
from gitalign.errors import GitError, UserError
from gitalign.git.command import Git
from gitalign.git.history import load_graph
from gitalign.git.object_source import RepositorySource
from gitalign.git.objects import CommitReader
from gitalign.git.refs import commit_of
from gitalign.git.repository import Repository
from gitalign.rules.evidence import Evidence, OwnCommit
from gitalign.rules.judge import judge, unjudged
from gitalign.rules.searcher import Searcher

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRules:
    """The house rules that hold.

    Attributes:
        refuses_must: a branch with a MUST that failed or is unknown is not published.
        timeout_s: what judging one branch may take, in seconds.
    """

    packs: tuple[RulePack, ...]
    refuses_must: bool
    timeout_s: float


class RuleEvaluator:
    """Judges branches one after another, with processes of its own. Not thread-safe; to be closed.

    Args:
        git: sees everything that is judged.
        graph: history of branches and targets.
        house: the rules.
    """

    def __init__(self, git: Git, graph: CommitGraph, house: RepositoryRules) -> None:
        self._graph = graph
        self._house = house
        self._source = RepositorySource(git, timeout_s=house.timeout_s)
        self._commits = CommitReader(git, timeout_s=house.timeout_s)
        self._searcher = Searcher()

    def judge(
        self,
        *,
        branch: str,
        target: str,
        seen: Oid,
        onto: Oid,
        result: Oid | None = None,
        dropped: Collection[Oid] = (),
    ) -> Compliance:
        """What the rules say of a branch.

        Args:
            branch, target: names, for the answer.
            seen: the branch's tip.
            onto: the target's tip.
            result: what a run made of the branch on the target; None for the branch as it stands, compared with where it
                left the target.
            dropped: own commits that are not in the result.
        """
        tip = result or seen
        base, results = onto, None
        try:
            own = self._graph.own(seen, onto)
            if result is None and own.bases:
                base = own.bases[0]
            if result is None and own.hits_shallow:
                results = self._all_unknown("history is cut off before branch and target meet")
            elif not own.count:
                results = ()
            else:
                ids = [oid for oid in (*own.picks, *own.merges) if oid not in dropped]
                results = self._results(base, tip, ids, set(own.merges))
        except (GitError, UnknownCommit) as error:
            results = self._all_unknown(str(error))
        packs = [f"{pack.name} {pack.version}" for pack in self._house.packs]
        return compliance(results, branch=branch, target=target, base=base, tip=tip, packs=packs)

    def close(self) -> None:
        """End every process."""
        for one in (self._source, self._commits, self._searcher):
            one.close()

    def _results(
        self, base: Oid, tip: Oid, ids: Sequence[Oid], merges: Collection[Oid]
    ) -> tuple[RequirementResult, ...]:
        commits = [
            OwnCommit(oid=oid, message=commit.text, is_merge=oid in merges)
            for oid, commit in zip(ids, self._commits.read(ids), strict=True)
        ]
        return judge(
            self._house.packs,
            Evidence(
                base=base,
                tip=tip,
                commits=commits,
                source=self._source,
                searcher=self._searcher,
                deadline=time.monotonic() + self._house.timeout_s,
            ),
        )

    def _all_unknown(self, reason: str) -> tuple[RequirementResult, ...]:
        return unjudged(self._house.packs, reason)


@dataclass(frozen=True, slots=True)
class RulesGate:
    """The house rules. A result that misses a MUST is refused, if that is what the operator asked for.

    Attributes:
        rules: the rules.
        graph: history behind the plan.
    """

    rules: RepositoryRules
    graph: CommitGraph
    phase: str = "rules"

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterator[Verdict]:
        """See `Gate`. After a stop the rest is not judged; nothing may be published then.

        What merely moves to its target is not judged.
        """
        evaluator = RuleEvaluator(context.quarantine.git, self.graph, self.rules)
        try:
            for result in results:
                yield (
                    PASS if context.run.stop.stop_requested else self._verdict(evaluator, result, context.step(result))
                )
        finally:
            evaluator.close()

    def _verdict(self, evaluator: RuleEvaluator, result: StepResult, step: Step) -> Verdict:
        outcome = result.outcome
        if not isinstance(outcome, Aligned) or outcome.after == outcome.onto:
            return PASS
        found = evaluator.judge(
            branch=step.branch.name,
            target=step.target.name,
            seen=step.seen,
            onto=outcome.onto,
            result=outcome.after,
            dropped={drop.oid for drop in outcome.dropped},
        )
        if not found.critical or not self.rules.refuses_must:
            return Verdict(compliance=found)
        refusal = Failed(
            code="house_rules",
            reason=_reason(found.critical),
            hint=f"git align rules explain {found.critical[0].id}",
            stage="validate",
            findings=outcome.findings,
        )
        return Verdict(refusal=refusal, compliance=found)


def _reason(critical: Sequence[RequirementResult]) -> str:
    named = "; ".join(f"{one.id} {one.verdict.value}: {one.details}" for one in critical[:_MOST_NAMED])
    more = f"; and {len(critical) - _MOST_NAMED} more" if len(critical) > _MOST_NAMED else ""
    rules = (
        "1 house rule that must hold does" if len(critical) == 1 else f"{len(critical)} house rules that must hold do"
    )
    return f"{rules} not: {named}{more}"


def judge_as_they_stand(
    repository: Repository, plan: Plan, *, branches: Iterable[str], target: str | None, house: RepositoryRules
) -> tuple[Compliance, ...]:
    """What the rules say of branches as they stand, each compared with where it left its target.

    Args:
        repository: the repository.
        plan: which branches there are, and their targets.
        branches: only these; all of the plan when empty.
        target: one for all of them, by any name git knows a commit by; None for each branch's own.
        house: the rules.

    Raises:
        UserError: a branch that is not there or has no target; a target that is none.
        GitError
    """
    steps: dict[str, Step] = {step.branch.name: step for step in plan.steps}
    wanted = list(dict.fromkeys(branches)) or list(steps)
    left_out: dict[str, str] = {one.branch: one.reason for one in plan.excluded}
    onto = commit_of(repository, target) if target is not None else None
    cases: list[tuple[str, str, Oid, Oid]] = []
    for name in wanted:
        step = steps.get(name)
        if step is None and onto is None:
            why = left_out.get(name)
            raise UserError(
                f"{name} has no target here: {why}" if why else f"there is no branch {name!r}",
                hint="name one with --base, or: git align plan",
            )
        seen = step.seen if step is not None else commit_of(repository, name)
        if onto is not None and target is not None:
            cases.append((name, target, seen, onto))
        elif step is not None:
            cases.append((name, step.target.name, seen, step.onto))
    graph = load_graph(repository, {oid for _, _, *pair in cases for oid in pair})
    evaluator = RuleEvaluator(repository.git, graph, house)
    try:
        return tuple(evaluator.judge(branch=name, target=of, seen=seen, onto=tip) for name, of, seen, tip in cases)
    finally:
        evaluator.close()
