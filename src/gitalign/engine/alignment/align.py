"""Aligning one branch: integrate, conserve, detect, document. No ref moves here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar, assert_never

from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.gaps import missing_as_findings
from gitalign.core.integration_branches import TAKEN
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import (
    Aligned,
    AlignedKind,
    Cancelled,
    Failed,
    Outcome,
    Refused,
    StepResult,
    Unchanged,
    with_auto_resolved,
)
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import AlreadyMerged, Strategy
from gitalign.engine.alignment.at_once import ReplaysAtOnce
from gitalign.engine.alignment.context import HINTS, IntegrationContext, known_outcome, left_alone
from gitalign.engine.alignment.replay_block import Replayed
from gitalign.engine.alignment.source import LaneSource
from gitalign.engine.alignment.strategy_chain import try_strategies
from gitalign.engine.gates.detection import Detection, Looked, request_of
from gitalign.engine.gates.gate import held_to
from gitalign.errors import GitAlignError, Interrupted, InvariantBroken
from gitalign.git.object_source import SharedTrees
from gitalign.integrate.conserve import brings_more_at_once, conserve, conserve_replayed
from gitalign.integrate.iterate import iterate, stops_along
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.merge import is_made_by_hand, merge_target
from gitalign.integrate.pick import Rewriting
from gitalign.integrate.rebase import Picks, replay
from gitalign.integrate.recreate import recreate
from gitalign.integrate.shared_merges import MergeCounts
from gitalign.integrate.squashed import own_line
from gitalign.ports import CancelToken, DocumentRequest
from gitalign.shortages import in_words, is_a_bug

R = TypeVar("R")
_LOG = logging.getLogger("gitalign.align")


class BranchAligner:
    """Carries steps to outcomes; one lane of git processes per worker.

    Implements `ports.Aligner`.

    Args:
        integration: what the branches share.
        steps: those that have no outcome yet.
        workers: how many work side by side.
        is_stopped: whether nothing more is to be started.
    """

    def __init__(
        self, integration: IntegrationContext, steps: Sequence[Step], *, workers: int, is_stopped: Callable[[], bool]
    ) -> None:
        self._integration = integration
        self._shared = integration.merges
        # By target: its attributes decide what becomes of a commit.
        self._rewrites = {onto: Rewrites() for onto in integration.attributes}
        self._passing = {onto: Rewrites() for onto in integration.attributes}
        self._at_once = ReplaysAtOnce(integration, steps, self._rewrites, processes=workers, is_stopped=is_stopped)
        self._replayed: dict[StepId, Replayed] = {}
        self._lines: dict[Oid, FirstParentChain] = {}
        self._trees = SharedTrees(integration.facts)
        self._lanes: dict[int, MergeWorker] = {}
        self._detection = Detection.of(integration.plugins, timeout_s=integration.limits.detection_timeout_s)
        self._lock = threading.Lock()

    @property
    def counts(self) -> MergeCounts:
        """Merges made and spared so far."""
        return self._shared.counts

    def align(self, step: Step, *, worker: int, attempt: int, cancel: CancelToken) -> StepResult:
        """Align one branch without moving any ref. See `ports.Aligner.align`.

        What fails while objects go from memory to disk is done again: one may not have been found for a moment.
        """
        quarantine = self._integration.quarantine
        moves = quarantine.moves
        try:
            result = self._align(step, worker=worker, attempt=attempt, cancel=cancel)
        except GitAlignError:
            if not quarantine.has_moved(moves):
                raise
        else:
            if not isinstance(result.outcome, Failed) or not quarantine.has_moved(moves):
                return result
        self._abandon_lane(worker)
        return self._align(step, worker=worker, attempt=attempt, cancel=cancel)

    def _align(self, step: Step, *, worker: int, attempt: int, cancel: CancelToken) -> StepResult:
        phases: list[tuple[str, float]] = []
        started = time.monotonic()
        outcome = _timed(phases, "integrate", lambda: self._integrate(step, worker, cancel))
        result = StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome, worker=worker, attempts=attempt)
        if isinstance(outcome, Aligned):
            outcome = self._with_gaps_named(step, outcome)
            kept: Outcome = outcome
            # Also where nothing of the branch is left: what was dropped is compared, too.
            if outcome.how in (AlignedKind.REPLAYED, AlignedKind.RECREATED) or outcome.dropped:
                kept = _timed(phases, "conserve", lambda: self._conserve(step, outcome, worker))
            if kept is not result.outcome:
                result = replace(result, outcome=kept)
            result = self._detect(step, result, worker, phases)
            result = self._document(step, result, phases)
            if isinstance(result.outcome, Failed):
                result = replace(result, outcome=with_auto_resolved(result.outcome, outcome))
            self._replayed.pop(step.id, None)
        return replace(result, duration_s=time.monotonic() - started, phases=tuple(phases))

    def close(self) -> None:
        """End every child process of every worker."""
        self._at_once.close()
        with self._lock:
            lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            lane.close()

    def rest(self, worker: int) -> None:
        """End the git processes of a worker that has no step; they start again with its next one."""
        self._abandon_lane(worker)

    def _lane(self, worker: int) -> MergeWorker:
        with self._lock:
            if worker not in self._lanes:
                integration = self._integration
                self._lanes[worker] = MergeWorker(
                    integration.quarantine,
                    wire=integration.wire,
                    attributes=integration.attributes,
                    shared=self._shared,
                    timeout_s=integration.limits.integration_timeout_s,
                )
            return self._lanes[worker]

    def _abandon_lane(self, worker: int) -> None:
        with self._lock:
            lane = self._lanes.pop(worker, None)
        if lane is not None:
            lane.close()

    def _integrate(self, step: Step, worker: int, cancel: CancelToken) -> Outcome:
        known = known_outcome(step, self._integration.look_up)
        if known is not None:
            return known
        match step.kind:
            case StepKind.FAST_FORWARD:
                (target,) = self._lane(worker).read([step.onto])
                return Aligned(
                    how=AlignedKind.FAST_FORWARDED, before=step.seen, after=step.onto, onto=step.onto, tree=target.tree
                )
            case StepKind.REPLAY | StepKind.RECREATE | StepKind.MERGE | StepKind.INTEGRATE:
                try:
                    return try_strategies(
                        [(name, partial(attempt, step, worker, cancel)) for name, attempt in self._attempts(step)]
                    )
                except Interrupted as error:
                    return Cancelled(reason=error.message)
            case StepKind.UP_TO_DATE | StepKind.LEAVE:
                raise InvariantBroken(f"step {step.id} needs no worker")
            case _ as never:
                assert_never(never)

    def _attempts(self, step: Step) -> list[tuple[str, Callable[[Step, int, CancelToken], Outcome]]]:
        """Strategies that are tried on a step, in order; one unless the strategy is `auto`."""
        first = {
            StepKind.REPLAY: ("rebase", self._replay),
            StepKind.RECREATE: ("rebase-merges", self._recreate),
            StepKind.MERGE: ("merge", self._merge),
            StepKind.INTEGRATE: (Strategy.INTEGRATION_BRANCH.value, self._merge),
        }[step.kind]
        if step.strategy is Strategy.ITERATIVE and step.step_size:
            return [("iterative", self._iterate)]
        if step.strategy is not Strategy.AUTO:
            return [first]
        more = [("iterative", self._iterate)] if step.step_size else []
        return [first, ("merge", self._merge), *more]

    def _replay(self, step: Step, worker: int, cancel: CancelToken) -> Outcome:
        replayed = self._at_once.take(step, deadline=cancel.deadline)
        if replayed is not None and not cancel.is_cancelled and time.monotonic() < cancel.deadline:
            self._replayed[step.id] = replayed
            return replayed.outcome
        integration = self._integration
        own = integration.graph.own(step.seen, step.onto)
        picks = Picks(picks=own.picks, merges=own.merges, upstream=integration.upstream.matches(step.seen, step.onto))
        outcome = replay(step, picks, self._rewriting(step, worker, cancel))
        return self._unless_left(step, outcome, worker)

    def _recreate(self, step: Step, worker: int, cancel: CancelToken) -> Outcome:
        integration = self._integration
        outcome = recreate(
            step,
            integration.graph.own(step.seen, step.onto),
            self._rewriting(step, worker, cancel),
            upstream=integration.upstream.matches(step.seen, step.onto),
        )
        return self._unless_left(step, outcome, worker)

    def _iterate(self, step: Step, worker: int, cancel: CancelToken) -> Outcome:
        integration = self._integration
        own = integration.graph.own(step.seen, step.onto)
        equivalents = integration.upstream.equivalents(step.seen, step.onto, own.picks)
        outcome = iterate(
            step,
            own,
            self._rewriting(step, worker, cancel),
            stops=stops_along(self._line(step.onto), step.seen, equivalents, step_size=step.step_size),
            passing=self._passing[step.onto],
        )
        return self._unless_left(step, outcome, worker)

    def _rewriting(self, step: Step, worker: int, cancel: CancelToken) -> Rewriting:
        return Rewriting(
            lane=self._lane(worker), rewrites=self._rewrites[step.onto], rules=self._integration.rules, cancel=cancel
        )

    def _line(self, onto: Oid) -> FirstParentChain:
        with self._lock:
            if onto not in self._lines:
                self._lines[onto] = FirstParentChain(self._integration.graph, onto)
            return self._lines[onto]

    def _emptied(self, step: Step, outcome: Aligned) -> Aligned:
        """The result by its right name: a branch that had the target's tip already goes back to it when nothing else is left."""
        is_back = self._integration.graph.is_ancestor(step.onto, step.seen)
        return replace(outcome, how=AlignedKind.REWOUND) if is_back else outcome

    def _unless_left(self, step: Step, outcome: Outcome, worker: int) -> Outcome:
        """The outcome, but for a branch of which nothing is left, where policy leaves such a one alone or another strategy may do better."""
        if not isinstance(outcome, Aligned) or outcome.after != step.onto:
            return outcome
        leaves = self._integration.policy.already_merged is AlreadyMerged.LEAVE
        if step.own_commits and (leaves or step.strategy is Strategy.AUTO):
            own = self._integration.graph.own(step.seen, step.onto)
            if brings_more_at_once(step, outcome, bases=own.bases, lane=self._lane(worker)):
                words = f"nothing of its commits is left, and yet merging it would change {step.target.name}"
                if step.strategy is not Strategy.AUTO:
                    reason = f"{words}: was it taken back there? It is left where it is"
                    return Unchanged(code="nothing_left", reason=reason)
                hint = "was it taken back there? choose --strategy rebase to let it go, or merge to bring it back"
                return Refused(code="leaves_nothing", reason=words, hint=hint)
        if leaves:
            return left_alone(step)
        return self._emptied(step, outcome) if outcome.how is AlignedKind.EMPTIED else outcome

    def _merge(self, step: Step, worker: int, _: CancelToken) -> Outcome:
        integration = self._integration
        if step.integration_by_shape and is_made_by_hand(step, self._lane(worker)):
            words = f"{step.integration} was merged by hand: it holds something else than git's merge of its parents"
            return Refused(code=TAKEN, reason=words, hint=HINTS[TAKEN])
        own = integration.graph.own(step.seen, step.onto)
        return merge_target(
            step,
            self._lane(worker),
            bases=own.bases,
            rules=integration.rules,
            line=own_line(integration.graph, own, step.seen) if integration.rules.squash_merged else None,
        )

    def _with_gaps_named(self, step: Step, aligned: Aligned) -> Aligned:
        """The result with a finding for each commit that could not be compared with the other side."""
        if step.branch.name not in self._integration.unsure:
            return aligned
        missing = self._integration.upstream.missing(step.seen, step.onto)
        return replace(aligned, findings=(*aligned.findings, *missing_as_findings(missing)))

    def _conserve(self, step: Step, aligned: Aligned, worker: int) -> Outcome:
        own = self._integration.graph.own(step.seen, step.onto)
        replayed = self._replayed.get(step.id)
        if replayed is not None and replayed.outcome is aligned and replayed.at_once is not None:
            return conserve_replayed(step, aligned, picks=own.picks, merges=own.merges, at_once=replayed.at_once)
        return conserve(step, aligned, picks=own.picks, merges=own.merges, bases=own.bases, lane=self._lane(worker))

    def _detect(self, step: Step, result: StepResult, worker: int, phases: list[tuple[str, float]]) -> StepResult:
        integration = self._integration
        if not integration.plugins.detectors or not isinstance(result.outcome, Aligned):
            return result
        lane = self._lane(worker)
        replayed = self._replayed.get(step.id)
        is_known = replayed is not None and replayed.outcome.after == result.outcome.after
        known = (replayed.changes, replayed.contents) if replayed is not None and is_known else ({}, {})
        request = request_of(
            Looked(
                branch=step.branch.name,
                target=step.target.name,
                before=step.seen,
                onto=step.onto,
                after=result.outcome.after,
            ),
            repository=integration.quarantine.git.git_dir,
            graph=integration.graph,
            source=LaneSource(lane, self._trees, *known),
        )
        # One that is late may still be talking to the lane's processes: nothing else must.
        looking = partial(self._detection.judge, request, left_behind=partial(self._abandon_lane, worker))
        return held_to(result, _timed(phases, "detect", looking))

    def _document(self, step: Step, result: StepResult, phases: list[tuple[str, float]]) -> StepResult:
        documenter = self._integration.plugins.documenter
        if documenter is None or not isinstance(result.outcome, Aligned):
            return result
        request = DocumentRequest(
            repository=self._integration.quarantine.git.git_dir,
            branch=step.branch.name,
            target=step.target.name,
            result=result,
            output_dir=self._integration.documents_dir,
        )
        try:
            reference = _timed(phases, "document", lambda: documenter.document(request))
        except GitAlignError:
            raise
        except BaseException as error:  # a plug-in may call sys.exit, too
            words = (documenter.name, step.branch.name, in_words(error))
            _LOG.error("documenter %s failed on %s: %s", *words, exc_info=is_a_bug(error))
            failed = Failed(
                code="documenter_failed",
                reason=f"documenter {documenter.name} raised {type(error).__name__}: {error}",
                stage="document",
            )
            return replace(result, outcome=failed, documentation="failed")
        return replace(result, documentation="written", summary=reference)


def _timed(phases: list[tuple[str, float]], name: str, call: Callable[[], R]) -> R:
    """The call's result; its seconds are added to `phases`."""
    started = time.monotonic()
    try:
        return call()
    finally:
        phases.append((name, time.monotonic() - started))
