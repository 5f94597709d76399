"""Landing a batch: merge in memory, look, test, then one move of the target through the one door. A run like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitalign.batches.merging.gates import GateAnswer, Gates, landing_plan, through
from gitalign.batches.merging.merge_members import MemberMerger, MergedMembers, MergeRules, conflict_words
from gitalign.batches.merging.stale import stale_reverts, stale_words
from gitalign.batches.running.context import Keeper
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import Landed, MergeStatus
from gitalign.core.events import EventKind
from gitalign.core.names import Oid, TargetName, ref_of
from gitalign.core.plan import Plan, Target
from gitalign.core.plan_hash import plan_hash
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.run import RunKind, RunState
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.documents import plans
from gitalign.documents.formats import stamped
from gitalign.documents.reading import time_text
from gitalign.engine.gates.detection import Detection
from gitalign.engine.publishing.anchor import release_keeps
from gitalign.engine.publishing.guard import Guard, held_if_guarded
from gitalign.engine.publishing.move import verified
from gitalign.engine.publishing.publish import require_stored
from gitalign.engine.publishing.recorded_run import claimed, ended, moved, new_record
from gitalign.engine.run.contexts import Caller, new_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.session import OpenRepository, configured_plugins, configured_rules, journal_of
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.space import require_space
from gitalign.errors import InvariantBroken, UnknownRun
from gitalign.git.command import Git
from gitalign.git.identity import operator_ident
from gitalign.git.in_quarantine import in_quarantine
from gitalign.git.quarantine import Quarantine
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.signing import configured_signer
from gitalign.output_file import write_whole
from gitalign.ports import Journal

CERTIFICATE = "batch-certificate.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandOptions:
    """How batches land.

    Attributes:
        squash: one plain commit for each result, in place of a merge.
        attempts: how often a batch is merged and tested again because its target moved meanwhile.
    """

    squash: bool = False
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landing:
    """One attempt to land a batch."""

    run: RunContext
    guard: Guard
    gates: Gates
    rules: MergeRules
    batch_id: str
    number: int
    members: Sequence[Member]
    target: Target

    @property
    def name(self) -> str:
        """Of the batch, as gates name it."""
        return f"batch/{self.batch_id}/{self.number}"


class BatchLander:
    """Lands the results of batches. Implements `Lander`.

    Args:
        opened: repository and settings.
        caller: who asked for it.
        options: how.
    """

    def __init__(self, opened: OpenRepository, caller: Caller, options: LandOptions | None = None) -> None:
        self._opened = opened
        self._caller = caller
        self._options = options or LandOptions()

    def land(self, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        """Land a batch. Asked again after a crash, it finishes what it began, once.

        Raises:
            GitAlignError: nothing moved, or the journal says what did; asked again, it goes on.
        """
        with journal_of(self._opened) as journal:
            recover_dead(self._opened, journal, self._caller.listeners)
            known = keeper.run.batches[number].landing_run
            if known and (landed := self._landed_before(journal, known, keeper.run.target)) is not None:
                return landed
            landed = Landed(merge_status=MergeStatus.TARGET_MOVED)
            for _ in range(self._options.attempts):
                landed = self._attempt(journal, keeper, number, members)
                if landed.merge_status is not MergeStatus.TARGET_MOVED or self._caller.stop.stop_requested:
                    break
            return landed

    def _landed_before(self, journal: Journal, run_id: str, target: str) -> Landed | None:
        """What an earlier attempt has done, when it moved the target and that was not undone."""
        try:
            publications = journal.publications(journal.run(run_id).id)
        except UnknownRun:
            return None
        done = [one for one in publications if one.state is MoveState.MOVED and one.update.ref == ref_of(target)]
        if not done:
            return None
        tests = ""
        try:
            text = (self._opened.repository.state_dir / "runs" / run_id / CERTIFICATE).read_text(encoding="utf-8")
            tests = str(json.loads(text).get("tests", ""))
        except (OSError, ValueError):
            pass  # the move itself is in the journal
        return Landed(merge_status=MergeStatus.SUCCESS, landed=done[0].update.after, landing_run=run_id, tests=tests)

    def _attempt(self, journal: Journal, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        opened, repository = self._opened, self._opened.repository
        ref = ref_of(keeper.run.target)
        onto = read_refs(repository, ref).get(ref)
        if onto is None:
            reason = f"there is no branch {keeper.run.target}"
            return Landed(merge_status=MergeStatus.REFUSED, reason=reason)
        require_space(repository)
        plugins = configured_plugins(opened.config)
        with new_run(opened, journal, self._caller, plugins=plugins) as run:
            ident = operator_ident(repository, at=run.started_at)
            detection = Detection.of(plugins, timeout_s=run.limits.detection_timeout_s)
            landing = _Landing(
                run=run,
                guard=Guard(repository, opened.config.alignment, frozenset({ref})),
                gates=Gates(
                    # What a task itself brought counts as well: no person has looked at it.
                    detection=replace(detection, rule=replace(detection.rule, introduced_by=("branch", "integration"))),
                    rules=configured_rules(opened),
                    checks=opened.config.checks(),
                ),
                rules=MergeRules(
                    ident=ident,
                    squash=self._options.squash,
                    signer=configured_signer(repository, committer=ident),
                    timeout_s=run.limits.integration_timeout_s,
                ),
                batch_id=keeper.run.id,
                number=number,
                members=members,
                target=Target(name=TargetName(keeper.run.target), ref=ref, oid=onto),
            )
            keeper.change(lambda state: state.with_batch(number, landing_run=run.run_id))
            plan = _plan(landing, tip=onto)
            journal.begin_run(new_record(run, RunKind.BATCH, plan_id=plan.id, total=1), plan_json=plans.text_of(plan))
            run.emit(EventKind.RUN_STARTED, branches=len(members))
            try:
                return in_quarantine(repository, run.run_id, lambda quarantine: _merged_and_landed(landing, quarantine))
            except BaseException:
                _end_without_moves(run, outcome="failed")
                raise


def _merged_and_landed(landing: _Landing, quarantine: Quarantine) -> Landed:
    run = landing.run
    if refusal := _rewritten(landing):
        _end_without_moves(run, outcome="attention")
        return refusal
    with MemberMerger.opened(
        quarantine, target=landing.target.name, onto=landing.target.oid, rules=landing.rules
    ) as merger:
        merged = merger.merge(landing.members)
    refusal = _refusal(landing, quarantine, merged)
    answer = GateAnswer()
    if refusal is None and merged.merged:
        plan = _plan(landing, tip=merged.tip)
        answer = through(landing.gates, run, quarantine, plan, merged.tip)
        if answer.status is not MergeStatus.SUCCESS:
            refusal = Landed(merge_status=answer.status, reason=answer.reason, tests=answer.tests, output=answer.output)
    quarantine.require_memory()
    if run.stop.stop_requested:
        refusal = Landed(merge_status=MergeStatus.WAITING, reason="stopped before the target moved")
    elif refusal is None and not merged.merged:
        refusal = Landed(merge_status=MergeStatus.SKIPPED, reason="the target holds everything already")
    if refusal is not None:
        _end_without_moves(run, outcome="attention" if refusal.reason else "ok")
        return refusal
    return _publish(landing, quarantine, merged, answer)


def _rewritten(landing: _Landing) -> Landed | None:
    """A refusal where the target lost the commit that a task began on: its result would bring that history back."""
    git, onto = landing.run.repository.git, landing.target.oid
    bases = {member.base: member.name for member in landing.members if member.base is not None}
    for base, name in bases.items():
        if git.run("merge-base", "--is-ancestor", base, onto, accept=(0, 1)).returncode == 1:
            reason = (
                f"{landing.target.name} was rewritten: it does not hold {base[:12]} any more, on which {name} began"
            )
            return Landed(merge_status=MergeStatus.REFUSED, reason=reason)
    return None


def _refusal(landing: _Landing, quarantine: Quarantine, merged: MergedMembers) -> Landed | None:
    """Why a merged batch may not land as far as its history says."""
    if merged.conflicts:
        return Landed(
            merge_status=MergeStatus.CONFLICTS,
            reason="; ".join(map(conflict_words, merged.conflicts)),
            conflicts=merged.conflicts,
            would_land=merged.merged,
        )
    _require_conserved(landing, quarantine.git, merged)
    union = landing.target.oid
    for member in landing.members:
        if member.name not in merged.commits:
            continue
        after = merged.commits[member.name]
        if member.base is not None:
            reverts = stale_reverts(quarantine.git, base=member.base, onto=union, merged=after)
            if reverts:
                would_land = tuple(name for name in merged.merged if name != member.name)
                reason = stale_words(member.name, reverts)
                return Landed(merge_status=MergeStatus.REFUSED, reason=reason, would_land=would_land)
        union = after
    return None


def _publish(landing: _Landing, quarantine: Quarantine, merged: MergedMembers, answer: GateAnswer) -> Landed:
    """Store, journal, pin, move, read back."""
    run, repository = landing.run, landing.run.repository
    plan = _plan(landing, tip=landing.target.oid)
    forbidden = landing.guard.refs(plan)
    update = RefUpdate(ref=landing.target.ref, before=landing.target.oid, after=merged.tip)
    publications = held_if_guarded([Publication(update=update, stack=0, state=MoveState.INTENDED)], forbidden)
    publications = claimed(run, publications)
    run.checkpoint("certificate")
    _write_certificate(landing, merged, answer)
    run.checkpoint("store")
    known = [landing.target.oid, *(member.tip for member in landing.members)]
    keeps = quarantine.packs.store([merged.tip], known)
    require_stored(repository, publications)
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {run.run_id}: land {landing.name}")
    publications = moved(run, door, publications, plan.targets)
    if keeps:
        release_keeps(repository, run.run_id)
    run.checkpoint("verify")
    publications = verified(repository, publications)
    run.emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    run.checkpoint("end")
    run.journal.update_publications(run.run_id, publications)
    ended(run, publications)
    (publication,) = publications
    if publication.state is MoveState.MOVED:
        _require_conserved(landing, repository.git, merged)
        return Landed(merge_status=MergeStatus.SUCCESS, landed=merged.tip, landing_run=run.run_id, tests=answer.tests)
    if publication.state is MoveState.INTENDED:
        return Landed(merge_status=MergeStatus.WAITING, reason="stopped before the target moved", tests=answer.tests)
    stands = read_refs(repository, landing.target.ref).get(landing.target.ref)
    status = MergeStatus.TARGET_MOVED if stands != landing.target.oid else MergeStatus.REFUSED
    return Landed(merge_status=status, reason=publication.detail, tests=answer.tests)


def _require_conserved(landing: _Landing, git: Git, merged: MergedMembers) -> None:
    """What is to land, or has landed, holds the target as it was and every result.

    Raises:
        InvariantBroken
    """
    members = [] if landing.rules.squash else [member.tip for member in landing.members]
    words = ("rev-list", "--max-count=1", "--stdin")
    wanted = "\n".join([landing.target.oid, *members, f"^{merged.tip}"]).encode("ascii") + b"\n"
    lost = git.run(*words, stdin=wanted).stdout.split()
    if lost:
        raise InvariantBroken(f"the merged batch lacks commit {lost[0].decode('ascii', 'replace')}")


def _write_certificate(landing: _Landing, merged: MergedMembers, answer: GateAnswer) -> None:
    """What lands, why it may, and of what it is made; before anything moves."""
    content: dict[str, Any] = {
        "batch": landing.batch_id,
        "batch_number": landing.number,
        "run": landing.run.run_id,
        "target": landing.target.name,
        "before": landing.target.oid,
        "after": merged.tip,
        "squash": landing.rules.squash,
        "members": [
            {
                "task": member.task.id,
                "name": member.name,
                "tip": member.tip,
                "base": member.base,
                "merge": merged.commits.get(member.name),
            }
            for member in landing.members
        ],
        "contained": list(merged.contained),
        "tests": answer.tests,
        "detection": answer.detection,
        "rules": answer.rules,
        "at": time_text(landing.run.now()),
    }
    write_whole(landing.run.folder / CERTIFICATE, json.dumps(stamped("batch-certificate", content), indent=2) + "\n")


def _end_without_moves(run: RunContext, *, outcome: str) -> None:
    """Write down that nothing was to move; a run that is publishing stays as it is, for `resume`."""
    if run.journal.run(run.run_id).state is RunState.INTEGRATING:
        run.journal.set_state(run.run_id, RunState.FINISHED, outcome=outcome, finished_at=run.now())
        run.emit(EventKind.RUN_FINISHED, outcome=outcome)


def _plan(landing: _Landing, *, tip: Oid) -> Plan:
    repository = landing.run.repository
    snapshot = Snapshot(
        repository=repository.common_dir,
        object_format=repository.object_format,
        taken_at=landing.run.started_at,
        tips=(Tip(ref=landing.target.ref, oid=landing.target.oid),),
    )
    made = landing_plan(landing.name, target=landing.target, snapshot=snapshot, tip=tip, commits=len(landing.members))
    # What is stored has no step: the batch is no branch, and the target is the one thing that moves.
    steps = made.steps if tip != landing.target.oid else ()
    made = replace(made, steps=steps)
    digest = plan_hash(snapshot=snapshot, policy=made.policy, targets=made.targets, steps=steps, excluded=())
    return replace(made, id=digest)
