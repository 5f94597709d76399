"""Landing what was decided: certificate, objects, journal, pin, push where it was asked for, then one move of the target."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gitalign.batches.merging.decide import Decision
from gitalign.batches.merging.gates import GateAnswer
from gitalign.batches.merging.judgement import Judgement
from gitalign.batches.merging.landing import Landing
from gitalign.batches.running.state import Landed, MergeStatus
from gitalign.batches.running.state_document import left_out_content
from gitalign.core.events import EventKind
from gitalign.core.names import branch_of, display
from gitalign.core.plan import Plan
from gitalign.core.plan_hash import plan_hash
from gitalign.core.policy import Policy
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.push import place_words
from gitalign.core.steps import counted
from gitalign.documents.formats import stamped
from gitalign.documents.reading import time_text
from gitalign.engine.publishing.anchor import release_keeps
from gitalign.engine.publishing.guard import held_if_guarded
from gitalign.engine.publishing.move import move_stacks, verified
from gitalign.engine.publishing.publish import require_stored
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.publishing.push_planning import Remotes
from gitalign.engine.publishing.push_recovery import settle_before_moves, standing_where_pushed
from gitalign.engine.publishing.pushing import Pusher, to_push
from gitalign.engine.publishing.recorded_run import claimed, ended, intended_and_pinned
from gitalign.errors import GitAlignError, InvariantBroken
from gitalign.git.command import Git
from gitalign.git.quarantine import Quarantine
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.output_file import write_whole

CERTIFICATE = "batch-certificate.json"
_PATIENCE_S = 60.0
_ASK_EVERY_S = 0.05
_WRITTEN = (PushState.PUSHED, PushState.UP_TO_DATE)


def stored_plan(landing: Landing) -> Plan:
    """The plan of a landing as the journal keeps it: no step, for the batch is no branch, and the target is all that moves."""
    snapshot, policy, targets = landing.snapshot, Policy(), (landing.target,)
    digest = plan_hash(snapshot=snapshot, policy=policy, targets=targets, steps=(), excluded=())
    return Plan(id=digest, snapshot=snapshot, policy=policy, targets=targets, steps=(), excluded=())


def require_conserved(landing: Landing, git: Git, judgement: Judgement) -> None:
    """What is to land, or has landed, holds the target as it was, here and on its remote, and every result that lands.

    Raises:
        InvariantBroken
    """
    tip = judgement.merged.tip
    members = [] if landing.options.squash else [landing.members[number].tip for number in judgement.numbers]
    wanted = "\n".join([landing.target.oid, landing.before, *members, f"^{tip}"]).encode("ascii") + b"\n"
    lost = git.run("rev-list", "--max-count=1", "--stdin", stdin=wanted).stdout.split()
    if lost:
        raise InvariantBroken(f"the merged batch lacks commit {lost[0].decode('ascii', 'replace')}")


def publish_landing(landing: Landing, quarantine: Quarantine, decision: Decision, *, pusher: Pusher) -> Landed:
    """Store, journal, pin, push, move, read back.

    The push comes first: a remote that has gone on refuses it, and then nothing has moved here that would have to be taken back.

    Args:
        landing: the batch.
        quarantine: holds what was merged.
        decision: what lands; something does.
        pusher: pushes the target, where it is to be pushed.

    Raises:
        GitAlignError: the journal says what moved; recovery finishes it.
    """
    run, repository, judgement = landing.run, landing.run.repository, decision.judgement
    assert judgement is not None
    plan, tip = stored_plan(landing), judgement.merged.tip
    forbidden = landing.guard.refs(plan)
    update = RefUpdate(ref=landing.target.ref, before=landing.before, after=tip)
    publication = to_push(Publication(update=update, stack=0, state=MoveState.INTENDED), landing.push_to)
    publications = _claimed_in_time(landing, held_if_guarded([publication], forbidden))
    run.checkpoint("certificate")
    _write_certificate(landing, decision, judgement)
    run.checkpoint("store")
    known = [landing.target.oid, landing.before, *(member.tip for member in landing.members)]
    keeps = quarantine.packs.store([tip], known)
    require_stored(repository, publications)
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {run.run_id}: land {landing.name}")
    try:
        intended_and_pinned(run, door, publications, plan.targets)
        if keeps:
            release_keeps(repository, run.run_id)
        publications = _pushed(landing, publications, pusher)
        publications = move_stacks(run, door, publications)
    finally:
        door.close()
    run.checkpoint("verify")
    publications = standing_where_pushed(verified(repository, publications))
    run.emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    run.checkpoint("end")
    run.journal.update_publications(run.run_id, publications)
    ended(run, publications)
    (publication,) = publications
    if publication.state is MoveState.MOVED or publication.push in _WRITTEN:
        require_conserved(landing, repository.git, judgement)
    return _landed(landing, publication, decision, judgement.merged.tip, judgement.answer)


def _claimed_in_time(landing: Landing, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications, claimed; another run that lands on the same target now is waited for."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        mine = claimed(landing.run, publications)
        is_taken = any(one.state is MoveState.HELD_BACK for one in mine) and mine != tuple(publications)
        if not is_taken or landing.run.stop.stop_requested or time.monotonic() > deadline:
            return mine
        time.sleep(_ASK_EVERY_S)


def _pushed(landing: Landing, publications: Sequence[Publication], pusher: Pusher) -> tuple[Publication, ...]:
    """The publications after the push; what the remote has not, stands here as well."""
    run = landing.run
    if landing.push_to is None or run.stop.stop_requested:
        return tuple(publications)
    run.checkpoint("push")
    publications = settle_before_moves(run.repository, pusher.onward(publications))
    run.checkpoint("pushed")
    run.journal.update_publications(run.run_id, publications)
    return publications


def landed_words(publication: Publication) -> tuple[str, str]:
    """Where a landing was pushed to, and why it was not; both empty when no push was asked for."""
    if publication.push is PushState.NOT_ASKED:
        return "", ""
    if publication.push in _WRITTEN:
        return place_words(publication.remote or "", publication.pushed_ref), ""
    return "", publication.push_detail


def _landed(landing: Landing, publication: Publication, decision: Decision, tip: str, answer: GateAnswer) -> Landed:
    """What became of the batch, by what became of its one publication."""
    pushed_to, push_detail = landed_words(publication)
    landed = Landed(
        merge_status=MergeStatus.SUCCESS,
        landing_run=landing.run.run_id,
        tests=answer.tests,
        flaky=answer.flaky,
        conflicts=decision.conflicts,
        pushed_to=pushed_to,
        push_detail=push_detail,
    )
    if was_overwritten(landing.run.repository, publication):
        return replace(landed, landing_run="", merge_status=MergeStatus.TARGET_MOVED, reason=publication.detail)
    if publication.state is MoveState.MOVED or publication.push in _WRITTEN:
        landed = with_left_out(replace(landed, landed=publication.update.after), decision)
        if publication.state is not MoveState.MOVED:
            landed = with_reason(landed, stays_words(publication))
        return landed
    landed = replace(landed, landing_run="")
    if publication.state is MoveState.INTENDED:
        return replace(landed, merge_status=MergeStatus.WAITING, reason="stopped before the target moved")
    if publication.push in (PushState.UNKNOWN, PushState.NOT_PUSHED):
        return replace(landed, merge_status=MergeStatus.WAITING, reason=push_detail)
    status = MergeStatus.TARGET_MOVED if _has_moved(landing, publication) else MergeStatus.REFUSED
    return replace(landed, merge_status=status, reason=publication.detail or push_detail)


def was_overwritten(repository: Repository, publication: Publication) -> bool:
    """Whether another process took a landing away right after the move, and no remote has it.

    Raises:
        GitError
    """
    if publication.state is not MoveState.MOVED or not publication.detail or publication.push in _WRITTEN:
        return False
    stands = read_refs(repository, publication.update.ref).get(publication.update.ref)
    return stands is None or not Ancestry(repository).holds(stands, publication.update.after)


def stays_words(publication: Publication) -> str:
    """Why a target that was pushed stands here where it stood; empty when it moved here, too."""
    if publication.state is MoveState.MOVED:
        return ""
    name, why = branch_of(publication.update.ref), publication.detail or "git pull brings it"
    return f"{landed_words(publication)[0]} has it, {name} here does not: {why}"


def with_reason(landed: Landed, words: str) -> Landed:
    """What landed, with something more to say of it."""
    return replace(landed, reason="; ".join(filter(None, [landed.reason, words])))


def with_left_out(landed: Landed, decision: Decision) -> Landed:
    """What landed, with what did not: it is not a success then."""
    if not decision.left_out:
        return landed
    named = ", ".join(display(one.task) for one in decision.left_out[:3])
    more = f" and {len(decision.left_out) - 3} more" if len(decision.left_out) > 3 else ""
    reason = f"{counted(len(decision.left_out), 'result')} left out: {named}{more}"
    because = next((one.because for one in decision.left_out if one.because is not MergeStatus.SKIPPED), None)
    status = because or MergeStatus.FAILED
    return replace(landed, merge_status=status, reason=reason, left_out=decision.left_out)


def _has_moved(landing: Landing, publication: Publication) -> bool:
    """Whether another process moved the target, here or on the remote, since the results were merged onto it."""
    stands = read_refs(landing.run.repository, landing.target.ref).get(landing.target.ref)
    if stands != landing.before:
        return True
    if publication.push is not PushState.REJECTED or publication.remote is None:
        return False
    try:
        there = Remotes(landing.run.repository).tips(publication.remote).get(branch_of(publication.pushed_ref))
    except GitAlignError:
        return False
    return there != publication.remote_before


def _write_certificate(landing: Landing, decision: Decision, judgement: Judgement) -> None:
    """What lands, why it may, and of what it is made; before anything moves."""
    merged, answer = judgement.merged, judgement.answer
    members = [landing.members[number] for number in judgement.numbers]
    content: dict[str, Any] = {
        "batch": landing.batch_id,
        "batch_number": landing.number,
        "run": landing.run.run_id,
        "target": landing.target.name,
        "before": landing.before,
        "onto": landing.target.oid,
        "after": merged.tip,
        "squash": landing.options.squash,
        "members": [
            {
                "task": member.task.id,
                "name": member.name,
                "tip": member.tip,
                "base": member.base,
                "merge": merged.commits.get(member.name),
            }
            for member in members
        ],
        "contained": list(merged.contained),
        "left_out": [left_out_content(one) for one in decision.left_out],
        "tests": answer.tests,
        "flaky": list(answer.flaky),
        "detection": answer.detection,
        "rules": answer.rules,
        "push_to": landing.push_to.words if landing.push_to is not None else None,
        "at": time_text(landing.run.now()),
    }
    write_whole(landing.run.folder / CERTIFICATE, json.dumps(stamped("batch-certificate", content), indent=2) + "\n")
