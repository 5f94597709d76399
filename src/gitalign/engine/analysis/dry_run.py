"""A plan tried out: integrated in a quarantine that is gone afterwards, with what earlier trials found taken from memory.

Remembered are verdicts and results by content. Objects are not kept; a
branch whose commits are needed after all is integrated again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Self

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId, zero_like
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Failed, Refused, StepResult, Unchanged
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.integration import build_context, integrate, rules_key, verdict_keys
from gitalign.engine.alignment.known_outcomes import keep_outcomes
from gitalign.engine.analysis.branch_preview import BranchPreview, cache_key, packed, unpacked
from gitalign.engine.analysis.partial_merge import merged_in_part, partial_key
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import silent
from gitalign.errors import GitAlignError, GitError, InvariantBroken
from gitalign.git.diffs import path_changes
from gitalign.git.history import commits_beyond
from gitalign.git.in_quarantine import GuardedCache
from gitalign.git.object_memory import MEMORY
from gitalign.git.objects import CommitReader
from gitalign.git.quarantine import Quarantine, sweep_quarantines
from gitalign.ports import VerdictCache

PREFIX = "forecast-"
"""Of the names of quarantines that are not needed once their process is gone."""


@dataclass(slots=True)
class DryRun:
    """Tries a plan; a context manager that removes its quarantine.

    Args:
        context: what it works with. A documenter writes files and changes no verdict, so it is not asked; detectors can refuse
            a branch, so they are, and no clean verdict is taken from the cache then.
        plan: what to try.
        graph: history behind it.

    Attributes:
        results: of every step. The `after` of a remembered clean one is zero.
    """

    context: AnalysisContext
    plan: Plan
    graph: CommitGraph
    results: tuple[StepResult, ...] = field(default=(), init=False)
    _quarantine: Quarantine = field(init=False, repr=False)
    _guarded: GuardedCache = field(init=False, repr=False)
    _integration: IntegrationContext = field(init=False, repr=False)
    _standing: dict[str, tuple[BranchPreview, ...]] = field(default_factory=dict, init=False, repr=False)
    _remembered: dict[StepId, BranchPreview] = field(default_factory=dict, init=False, repr=False)
    _keys: Mapping[str, str] = field(default_factory=dict, init=False, repr=False)
    _again: dict[str, Oid] = field(default_factory=dict, init=False, repr=False)
    _detection: str | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        """Integrate every branch.

        Raises:
            GitError, OutOfSpace
        """
        self.context = replace(self.context, plugins=replace(self.context.plugins, documenter=None))
        self._detection = self.context.plugins.detection_key()
        sweep_quarantines(self.context.repository.state_dir / "quarantine", glob=f"{PREFIX}*")
        for place in (MEMORY, None):
            self._quarantine = Quarantine(
                self.context.repository, PREFIX + self.context.surroundings.token(6), memory=place
            )
            try:
                self._integrate()
                self._quarantine.require_memory()
                return self
            except BaseException as error:
                again = isinstance(error, GitAlignError | OSError) and self._quarantine.has_lost_memory
                self._quarantine.remove()
                if not again:
                    raise
        raise InvariantBroken("a quarantine on disk lost its memory")

    def _integrate(self) -> None:
        self._guarded = GuardedCache(self.cache, self._quarantine)
        self._keys = self._content_keys()
        self._remembered = self._recall()
        already = {step_id: _as_result(one, one.how) for step_id, one in self._remembered.items() if one.how}
        self._integration = self._furnished(already)
        self.results = integrate(
            self._integration, self.plan, already=already, emit=self.context.emit, stop=self.stop
        ).results
        keep_outcomes(self._guarded, self._integration, self.plan, self.results, at=self.at)
        self._standing = {target.name: self._find_standing(target) for target in self.plan.targets}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw everything away."""
        self._quarantine.remove()

    @property
    def cache(self) -> VerdictCache:
        """What was found before; new findings are added."""
        return self.context.cache

    @property
    def stop(self) -> StopSignal:
        """The stop signal."""
        return self.context.stop

    @property
    def at(self) -> datetime:
        """Now, for the cache."""
        return self.context.at

    @property
    def integration(self) -> IntegrationContext:
        """What the branches were integrated with."""
        return self._integration

    def standing(self, target: Target) -> Sequence[BranchPreview]:
        """Branches that stand on a target, or would once aligned, by name."""
        return self._standing[target.name]

    def partial(self, target: Target) -> Sequence[BranchPreview]:
        """Branches that do not align, as far as git merges them with their target, by name. New ones are remembered.

        Those that cannot be merged at all (no common history, objects missing) are left out.

        Raises:
            GitError, OutOfSpace
        """
        outcomes = {result.step_id: result.outcome for result in self.results}
        rules = rules_key(self._quarantine, target.oid)
        keys: dict[str, Step] = {}
        for step in self.plan.steps:
            outcome = outcomes[step.id]
            if step.target == target and (
                isinstance(outcome, Conflicted) or (isinstance(outcome, Refused) and outcome.code == "contains_merges")
            ):
                keys[partial_key(step, rules=rules)] = step
        known = self.cache.look_up(map(cache_key, keys))
        found: list[BranchPreview] = []
        for key, step in keys.items():
            body = known.get(cache_key(key))
            one = unpacked(step, key, body) if body is not None else None
            if one is not None and one.is_partial:
                found.append(one)
        recalled = {one.key for one in found}
        made = merged_in_part(
            self._integration,
            target,
            {key: step for key, step in keys.items() if key not in recalled},
            self.graph,
            self.stop,
        )
        self._guarded.keep({cache_key(one.key): packed(one) for one in made}, at=self.at)
        return tuple(sorted([*found, *made], key=lambda one: one.name))

    def _find_standing(self, target: Target) -> tuple[BranchPreview, ...]:
        """New ones are remembered."""
        outcomes = {result.step_id: result.outcome for result in self.results}
        known: list[BranchPreview] = []
        fresh: list[tuple[Step, Oid, AlignedKind | None]] = []
        for step in self.plan.steps:
            if step.target != target:
                continue
            outcome = outcomes[step.id]
            if step.id in self._remembered:
                known.append(self._remembered[step.id])
            elif isinstance(outcome, Aligned):
                fresh.append((step, outcome.after, outcome.how))
            elif isinstance(outcome, Unchanged) and _stands(step):
                fresh.append((step, step.holder, None))
        made = self._looked_at(fresh, target)
        if self._detection is not None:
            # What is remembered of a result does not tell which resolutions went into it, and those are never silent.
            told = {result.branch for result in self.results if getattr(result.outcome, "resolved", ())}
            told |= self._integration.unsure
            kept = [one for one in made if one.key and one.name not in told]
            self._guarded.keep({self._cache_key(one.key): packed(one) for one in kept}, at=self.at)
        return tuple(sorted([*known, *made], key=lambda one: one.name))

    def commits(self, wanted: Iterable[BranchPreview]) -> dict[str, Oid]:
        """Commits of branches, integrated again where they are remembered only.

        Raises:
            InvariantBroken: a result differs from what is remembered of it.
            GitError, OutOfSpace
        """
        asked = list(wanted)
        found = self._again | {one.name: one.commit for one in asked if one.commit is not None}
        unknown = [one for one in asked if one.name not in found]
        for target in self.plan.targets:
            again = {one.key: one.step for one in unknown if one.is_partial and one.step.target == target}
            for one in merged_in_part(self._integration, target, again, self.graph, self.stop):
                if one.commit is not None:
                    self._again[one.name] = one.commit
        missing = {one.step.id: one for one in unknown if not one.is_partial}
        if missing and not self.stop.stop_requested:
            already = {StepId(result.step_id): result for result in self.results if result.step_id not in missing}
            made = integrate(self._furnished(already), self.plan, already=already, emit=silent, stop=self.stop)
            for result in made.results:
                known = missing.get(StepId(result.step_id))
                if known is not None:
                    self._again[result.branch] = _as_remembered(result, known)
        return found | self._again

    def _furnished(self, already: Mapping[StepId, StepResult]) -> IntegrationContext:
        return build_context(self._quarantine, self.plan, self.graph, self.context, already=already)

    def _content_keys(self) -> dict[str, str]:
        """Branch name -> content key, for those that merge something and those that stand on their target."""
        keys = dict(verdict_keys(self._quarantine, self.plan.steps, resolver=self.context.plugins.resolver))
        for step in self.plan.steps:
            if _stands(step):
                keys[step.branch.name] = hashlib.sha256(f"{step.holder} on {step.onto}".encode("ascii")).hexdigest()
        return keys

    def _cache_key(self, key: str) -> str:
        return cache_key(f"{key} {self._detection}" if self.context.plugins.detectors else key)

    def _recall(self) -> dict[StepId, BranchPreview]:
        if self._detection is None:
            return {}
        known = self.cache.look_up(map(self._cache_key, self._keys.values()))
        found: dict[StepId, BranchPreview] = {}
        for step in self.plan.steps:
            key = self._keys.get(step.branch.name)
            body = known.get(self._cache_key(key)) if key is not None else None
            if (
                key is not None
                and body is not None
                and (one := unpacked(step, key, body)) is not None
                and (one.how is None) == _stands(step)
            ):
                found[step.id] = one
        return found

    def _looked_at(self, fresh: Sequence[tuple[Step, Oid, AlignedKind | None]], target: Target) -> list[BranchPreview]:
        if not fresh:
            return []
        git = self._quarantine.git
        tips = sorted({commit for _, commit, _ in fresh})
        changes = dict(path_changes(git, [(target.oid, tip) for tip in tips]))
        reader = CommitReader(git, timeout_s=self.context.limits.integration_timeout_s)
        try:
            own = _own(commits_beyond(git, tips, target.oid), tips, self.graph, reader)
            trees = dict(zip(tips, (commit.tree for commit in reader.read(tips)), strict=True))
        finally:
            reader.close()
        return [
            BranchPreview(
                step=step,
                key=self._keys.get(step.branch.name, ""),
                how=how,
                tree=trees[commit],
                changes=changes[target.oid, commit],
                own=own[commit],
                commit=commit,
            )
            for step, commit, how in fresh
            if (target.oid, commit) in changes
        ]


def _stands(step: Step) -> bool:
    return step.kind is StepKind.UP_TO_DATE and step.refusal is None


def _as_result(one: BranchPreview, how: AlignedKind) -> StepResult:
    step = one.step
    outcome = Aligned(how=how, before=step.seen, after=zero_like(step.seen), onto=step.onto, tree=one.tree)
    return StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)


def _as_remembered(result: StepResult, known: BranchPreview) -> Oid:
    outcome = result.outcome
    if not isinstance(outcome, Aligned):
        words = outcome.reason if isinstance(outcome, Failed) else f"ended as {outcome.kind}"
        raise GitError(f"{result.branch}: {words}", hint="run the forecast again")
    if outcome.tree != known.tree:
        raise InvariantBroken(f"{result.branch}: aligned to tree {outcome.tree}, remembered is {known.tree}")
    return outcome.after


def _own(
    beyond: Sequence[tuple[Oid, tuple[Oid, ...]]], tips: Sequence[Oid], graph: CommitGraph, reader: CommitReader
) -> dict[Oid, frozenset[str]]:
    """Tip -> names of its commits above the target.

    A commit of the repository goes by its id; a new one, whose id holds the moment of the trial, by what it says.
    """
    made = [oid for oid, _ in beyond if oid not in graph]
    commits = dict(zip(made, reader.read(made), strict=True))
    parents = dict(beyond)
    names: dict[Oid, str] = {}
    for oid, above in reversed(beyond):
        commit = commits.get(oid)
        if commit is None:
            names[oid] = oid
            continue
        digest = hashlib.sha256()
        for part in (commit.tree.encode("ascii"), *(names.get(one, one).encode("ascii") for one in above)):
            digest.update(part + b" ")
        digest.update(commit.author + b"\0" + commit.message)
        names[oid] = digest.hexdigest()
    found: dict[Oid, frozenset[str]] = {}
    for tip in tips:
        seen = {tip} & parents.keys()
        waiting = list(seen)
        while waiting:
            for parent in parents[waiting.pop()]:
                if parent in parents and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        found[tip] = frozenset(names[oid] for oid in seen)
    return found
