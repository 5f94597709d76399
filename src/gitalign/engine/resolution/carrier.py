"""The engine at work for one branch that a person resolves: it merges as a run does, in a quarantine of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gitalign.core.commit import RawCommit
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Conflicted, Refused
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.integration import build_context
from gitalign.engine.analysis.bisector import THROWN_AWAY
from gitalign.engine.run.session import OpenRepository
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.engine.runtime.no_cache import NoCache
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import silent
from gitalign.errors import UserError
from gitalign.git.attributes import read_attributes
from gitalign.git.history import load_graph
from gitalign.git.merge import MergeAnswer, Side
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.pick import Picker, Rewriting
from gitalign.integrate.shared_merges import SharedMerges

PREFIX = "resolve-"
"""Begins the names of quarantines of sessions."""


class Carrier:
    """Carries the commits of one branch with the engine.

    Args:
        integration: laid out for this branch alone.
        step: the branch.
        lane: merges.
    """

    def __init__(self, integration: IntegrationContext, step: Step, lane: MergeWorker) -> None:
        self.integration = integration
        self.step = step
        self.lane = lane

    @staticmethod
    @contextmanager
    def opened(opened: OpenRepository, plan: Plan, step: Step, *, finds_upstream: bool = False) -> Iterator[Carrier]:
        """A carrier, in a quarantine that is gone afterwards.

        Args:
            finds_upstream: whether `picks` is asked; reading patches of the target takes its time.
        """
        repository = opened.repository
        kind = step.kind if finds_upstream else StepKind.MERGE
        only = replace(plan, steps=(replace(step, id=StepId(0), kind=kind),))
        quarantine = Quarantine(repository, f"{PREFIX}{opened.surroundings.token(6)}")
        try:
            context = AnalysisContext(
                repository=repository,
                cache=NoCache(),
                emit=silent,
                stop=StopSignal(),
                surroundings=opened.surroundings,
                at=opened.now(),
                limits=opened.config.limits(),
            )
            graph = load_graph(repository, [step.seen, step.onto])
            integration = build_context(quarantine, only, graph, context, already={})
            lane = MergeWorker(
                quarantine,
                wire=integration.wire,
                attributes={step.onto: read_attributes(quarantine.git, step.onto)},
                shared=SharedMerges(),
                timeout_s=integration.limits.integration_timeout_s,
            )
            try:
                yield Carrier(integration, step, lane)
            finally:
                lane.close()
        finally:
            quarantine.remove()

    def picks(self) -> tuple[Oid, ...]:
        """Commits that are to be put onto the target, without those that are there already."""
        own = self.integration.graph.own(self.step.seen, self.step.onto)
        upstream = self.integration.upstream.matches(self.step.seen, self.step.onto)
        return tuple(oid for oid in own.picks if oid not in upstream)

    def carry(self, tip: Oid, picks: Sequence[Oid]) -> tuple[Oid, int, MergeAnswer | None]:
        """Put commits onto the result so far, as far as git merges.

        Returns:
            The new end of the result, in the quarantine; how many were dealt with; what git left of the next one, if it conflicts.

        Raises:
            UserError: a commit cannot be put there by anybody.
            GitError, OutOfSpace
        """
        rules = replace(THROWN_AWAY, committer=None)
        work = Rewriting(lane=self.lane, rewrites=Rewrites(), rules=rules, cancel=_Never())
        picker = Picker(self.step, work, total=len(picks))
        at = self.lane.side(tip)
        for number, (oid, commit) in enumerate(zip(picks, self.lane.read(picks), strict=True)):
            refusal = picker.refusal(oid, commit, position=number + 1)
            if isinstance(refusal, Refused):
                raise UserError(f"commit {oid[:12]} cannot be resolved: {refusal.reason}", hint=refusal.hint)
            picked = picker.pick(oid, commit, at, position=number + 1)
            picker.write()
            if isinstance(picked, Conflicted):
                assert at.commit is not None
                return at.commit, number, self.lane.stopped_at
            at = picked
        assert at.commit is not None
        return at.commit, len(picks), None

    def expected(self, onto: Oid, old: tuple[Oid, RawCommit]) -> Oid | None:
        """The tree that a run would make of a commit there; None when it conflicts."""
        oid, commit = old
        base = self.lane.side(commit.parents[0]) if commit.parents else None
        answer = self.lane.merge(
            self.step.onto, base=base, ours=self.lane.side(onto), theirs=Side(commit.tree, oid, commit.parents)
        )
        return answer.tree if answer.is_clean else None

    def store(self, *commits: Oid) -> list[Path]:
        """Bring commits and all behind them into the repository; the files that keep them there until something refers to them."""
        known = [self.step.onto, self.step.seen]
        return list(self.integration.quarantine.packs.store(commits, known))


class _Never:
    """A person waits for it, and may end it at any time: what was done before is kept."""

    is_cancelled = False
    deadline = float("inf")
