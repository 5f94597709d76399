"""One run from plan to report: integrate, check, store, publish. The path of data of the blueprint, in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitalign import wire
from gitalign.core.events import EventKind
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Failed, Refused, Skipped, StepResult
from gitalign.core.plan import Permit, Plan, Step, StepKind
from gitalign.core.policy import CommitterPolicy, Limits
from gitalign.core.publication import Publication
from gitalign.engine.align import BranchAligner, Workshop, foregone
from gitalign.engine.driver import drive
from gitalign.engine.move import Checkpoint, no_checkpoint
from gitalign.engine.publish import publish
from gitalign.engine.signals import StopSignal
from gitalign.errors import OutOfSpace
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.identity import operator_ident
from gitalign.git.merge import MergeWire, Wire, probe_wire
from gitalign.git.objects import CommitWriter
from gitalign.git.quarantine import Quarantine
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository
from gitalign.git.signing import configured_signer
from gitalign.integrate.conserve import verify_histories
from gitalign.integrate.rebase import ReplayRules
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.integrate.verdicts import verdict_key
from gitalign.ports import Emitter, Journal, OwnerProbe, Sockets

LEAST_FREE_BYTES = 8 * 1024 * 1024
_WORK = frozenset({StepKind.REPLAY, StepKind.MERGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a run came to, before it is written up.

    Attributes:
        phases: seconds per phase of the run.
        merges: how many merges git made, how many answers were shared, how many needed none.
    """

    results: tuple[StepResult, ...]
    publications: tuple[Publication, ...]
    phases: tuple[tuple[str, float], ...]
    merges: tuple[int, int, int]
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Those who take part in a run beside git: journal, listeners, stop button, plug-ins."""

    journal: Journal
    emit: Emitter
    stop: StopSignal
    sockets: Sockets
    owner: str
    is_alive: OwnerProbe
    checkpoint: Checkpoint = no_checkpoint


class _Phases:
    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []
        self._since = time.monotonic()

    def done(self, name: str) -> None:
        now = time.monotonic()
        self.seconds.append((name, now - self._since))
        self._since = now


def execute(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    *,
    run_id: str,
    started_at: datetime,
    permit: Permit,
    limits: Limits,
    crew: Crew,
    documents_dir: Path,
) -> Executed:
    """Carry out a plan. The run is in the journal already; its state is advanced here.

    Raises:
        GitAlignError: when the run as a whole cannot go on. Nothing has moved unless the journal says so.
    """
    phases = _Phases()
    require_space(repository)
    already = _resolved_beforehand(repository, plan, run_id=run_id, crew=crew)
    crew.checkpoint("quarantine")
    quarantine = Quarantine(repository, run_id)
    try:
        work = [step for step in plan.steps if step.kind in _WORK and step.refusal is None and step.id not in already]
        attributes = {onto: read_attributes(quarantine.git, onto) for onto in sorted({step.onto for step in work})}
        keys = _verdict_keys(repository, work, attributes)
        remembered = _remembered(crew.journal, keys)
        work = [step for step in work if step.branch.name not in remembered]
        workshop = Workshop(
            quarantine=quarantine,
            wire=_probe(quarantine) if work else MergeWire(Wire.SINGLE),
            graph=graph,
            upstream=UpstreamIndex.build(
                repository, graph, [(step.seen, step.onto) for step in work if step.kind is StepKind.REPLAY]
            ),
            attributes=attributes,
            policy=plan.policy,
            limits=limits,
            rules=_rules(repository, plan, work, at=started_at),
            sockets=crew.sockets,
            remembered=remembered,
            documents_dir=str(documents_dir),
        )
        for step in plan.steps:
            if step.id not in already and (known := foregone(step, remembered)) is not None:
                already[step.id] = StepResult(step_id=step.id, branch=step.branch.name, outcome=known)
        phases.done("prepare")
        aligner = BranchAligner(workshop)
        crew.emit(EventKind.INTEGRATION_STARTED, steps=len(plan.steps), wire=str(workshop.wire.wire))
        try:
            results = drive(plan.steps, limits=limits, aligner=aligner, emit=crew.emit, stop=crew.stop, already=already)
        finally:
            aligner.close()
        results = _with_histories_verified(quarantine, results, timeout_s=limits.branch_timeout_s)
        crew.emit(
            EventKind.INTEGRATION_FINISHED,
            merges=aligner.counts.merged,
            shared=aligner.counts.shared,
            trivial=aligner.counts.trivial,
        )
        phases.done("integrate")
        crew.checkpoint("results")
        crew.journal.record_results(run_id, results)
        _remember(crew.journal, keys, results, at=started_at)
        merges = (aligner.counts.merged, aligner.counts.shared, aligner.counts.trivial)
        if crew.stop.stop_requested:
            return Executed(
                results=results, publications=(), phases=tuple(phases.seconds), merges=merges, interrupted=True
            )
        publications = _publish(
            repository,
            plan,
            results,
            quarantine=quarantine,
            run_id=run_id,
            started_at=started_at,
            permit=permit,
            crew=crew,
        )
        phases.done("publish")
        return Executed(
            results=results,
            publications=publications,
            phases=tuple(phases.seconds),
            merges=merges,
            interrupted=crew.stop.stop_requested,
        )
    finally:
        quarantine.remove()


def require_space(repository: Repository) -> None:
    """Refuse to begin on a disk that is all but full.

    Raises:
        OutOfSpace
    """
    free = shutil.disk_usage(repository.common_dir).free
    if free < LEAST_FREE_BYTES:
        raise OutOfSpace(
            f"only {free // 1024} KiB are free at {repository.common_dir}; nothing was changed",
            hint="free some space, then run again",
        )


def _resolved_beforehand(repository: Repository, plan: Plan, *, run_id: str, crew: Crew) -> dict[StepId, StepResult]:
    """Steps that need no worker: their branch is in another run's hands, or is not where the plan saw it."""
    now = {tip.ref: tip.oid for tip in read_tips(repository)}
    wanted = [step.ref for step in plan.steps if step.kind is not StepKind.UP_TO_DATE]
    taken = crew.journal.claim(run_id, wanted, owner=crew.owner, is_alive=crew.is_alive)
    resolved: dict[StepId, StepResult] = {}
    for step in plan.steps:
        outcome: Skipped | Refused | None = None
        if step.ref in taken:
            outcome = Skipped(code="claimed_by_other_run", reason=f"run {taken[step.ref].run_id} is working on it")
        elif now.get(step.ref) != step.seen:
            stands = now.get(step.ref)
            reason = (
                f"the plan saw it at {step.seen[:12]}, it is at {stands[:12]} now"
                if stands
                else "it was deleted since the plan was made"
            )
            outcome = Refused(code="moved_since_plan", reason=reason, hint="git align plan")
        if outcome is not None:
            resolved[step.id] = StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)
    return resolved


def _rules(repository: Repository, plan: Plan, work: Sequence[Step], *, at: datetime) -> ReplayRules:
    """Who stands as committer and who signs; asked only when a commit may have to be made."""
    if not work:
        return ReplayRules(operator=b"", committer=None, signer=None)
    operator = operator_ident(repository.git, at=at)
    signer = configured_signer(repository.git, committer=operator, object_format=repository.object_format)
    return ReplayRules(
        operator=operator,
        committer=operator if plan.policy.committer is CommitterPolicy.OPERATOR else None,
        signer=signer,
    )


def _probe(quarantine: Quarantine) -> MergeWire:
    object_format = quarantine.repository.object_format
    writer = CommitWriter(quarantine.objects, object_format=object_format)
    return probe_wire(quarantine.ungated(quarantine.git), writer, object_format=object_format)


def _verdict_keys(
    repository: Repository, work: Sequence[Step], attributes: Mapping[Oid, AttributeFiles]
) -> dict[str, str]:
    """Branch name -> content key of its verdict."""
    own = Path(repository.common_dir) / "info" / "attributes"
    local = own.read_bytes() if own.is_file() else b""
    return {
        step.branch.name: verdict_key(
            step, attributes=attributes[step.onto], local_attributes=local, git_version=repository.git_version
        )
        for step in work
    }


def _remembered(journal: Journal, keys: Mapping[str, str]) -> dict[str, Conflicted]:
    known = journal.remembered(keys.values())
    found: dict[str, Conflicted] = {}
    for branch, key in keys.items():
        if key in known:
            outcome = wire.load_outcome(known[key])
            if isinstance(outcome, Conflicted):
                found[branch] = outcome
    return found


def _remember(journal: Journal, keys: Mapping[str, str], results: Sequence[StepResult], *, at: datetime) -> None:
    fresh = {
        keys[result.branch]: wire.dumps(result.outcome)
        for result in results
        if isinstance(result.outcome, Conflicted) and not result.outcome.remembered and result.branch in keys
    }
    if fresh:
        journal.remember(fresh, at=at)


def _with_histories_verified(
    quarantine: Quarantine, results: Sequence[StepResult], *, timeout_s: float
) -> tuple[StepResult, ...]:
    aligned = [result.outcome for result in results if isinstance(result.outcome, Aligned)]
    known = {oid for one in aligned for oid in (one.before, one.onto)}
    faults = verify_histories(quarantine.git, aligned, known=known, timeout_s=timeout_s)
    if not faults:
        return tuple(results)
    hint = "this is a bug of git-align; the branch was not moved"
    return tuple(
        replace(
            result,
            outcome=Failed(code="conservation", reason=faults[result.outcome.after], hint=hint, stage="conserve"),
        )
        if isinstance(result.outcome, Aligned) and result.outcome.after in faults
        else result
        for result in results
    )


def _publish(
    repository: Repository,
    plan: Plan,
    results: Sequence[StepResult],
    *,
    quarantine: Quarantine,
    run_id: str,
    started_at: datetime,
    permit: Permit,
    crew: Crew,
) -> tuple[Publication, ...]:
    steps = {step.id: step for step in plan.steps}
    moves = [
        (steps[StepId(result.step_id)], result.outcome)
        for result in results
        if isinstance(result.outcome, Aligned) and result.outcome.after != result.outcome.before
    ]
    if not moves:
        return ()
    # Only what new commits stand on: naming every old tip as well would make git read all their trees.
    known = {
        oid for _, one in moves for oid in ((one.onto, one.before) if one.how is AlignedKind.MERGED else (one.onto,))
    }

    def store() -> int:
        packs = quarantine.store([aligned.after for _, aligned in moves], known)
        crew.emit(EventKind.OBJECTS_STORED, branches=len(moves), packs=len(packs))
        return len(packs)

    return publish(
        repository,
        run_id=run_id,
        plan=plan,
        permit=permit,
        aligned=moves,
        journal=crew.journal,
        emit=crew.emit,
        stop=crew.stop,
        started_at=started_at,
        store=store,
        checkpoint=crew.checkpoint,
    )
