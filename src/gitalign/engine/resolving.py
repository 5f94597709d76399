"""Resolving branches by hand, one session for each: opened, looked at, continued, and published like any other result."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gitalign import wire
from gitalign.core.commit import RawCommit, rewritten
from gitalign.core.names import Oid, command_on, file_name_for
from gitalign.core.outcome import Aligned, AlignedKind, Dropped, DropReason, Failed, Outcome, StepResult
from gitalign.core.plan import Permit, Step, StepKind
from gitalign.core.report import Report
from gitalign.core.resolving import Look, NotTheBranch, Session, Stand, matched
from gitalign.engine.detection import detect_between
from gitalign.engine.frozen import dumped, loaded
from gitalign.engine.resolutions import remember
from gitalign.engine.session import (
    Opened,
    Request,
    carry_out,
    configured_rules,
    frozen_for,
    make_plan,
    now,
    sockets_of,
    with_gate,
)
from gitalign.engine.signals import StopSignal
from gitalign.errors import GitAlignError, UserError
from gitalign.git import resolving as tree
from gitalign.git.command import text
from gitalign.git.history import load_graph
from gitalign.git.identity import operator_ident
from gitalign.git.objects import CommitReader
from gitalign.git.repository import Repository
from gitalign.git.trees import write_commit
from gitalign.integrate.merge import merge_message
from gitalign.ports import Journal, Listener
from gitalign.resolve.entries import Origin, OriginKind
from gitalign.resolve.rerere import MARKER_SIZE
from gitalign.store.journal import SqlJournal

_LOG = logging.getLogger("gitalign.resolving")
_FOLDER = "resolving"
_TIMEOUT_S = 120.0


def find(journal: Journal, branch: str) -> Session | None:
    """The open session of a branch."""
    return next((one for one in journal.sessions() if one.branch == branch), None)


def begin(opened: Opened, journal: Journal, request: Request, branch: str, *, folder: Path | None = None) -> Look:
    """Open a session: a disposable work tree in which git has gone as far as it goes by itself.

    Args:
        opened: repository and settings.
        journal: of the repository.
        request: strategy and targets, as for a run.
        branch: by name.
        folder: where the work tree is to be; None for one in the git directory.

    Raises:
        UserError: there is no such branch to align, nothing has to be merged for it, or the folder is taken.
        GitError, OutOfSpace
    """
    made = make_plan(
        opened, replace(request, only=(glob.escape(branch),), needs_branches=False), whatever_is_checked_out=True
    )
    step = next((one for one in made.steps if one.branch.name == branch), None)
    if step is None:
        reason = next((one.reason for one in made.excluded if one.branch == branch), "there is no such branch")
        raise UserError(f"{branch} cannot be resolved: {reason}", hint="git align plan --verbose")
    if step.kind is StepKind.RECREATE and step.refusal is None:
        raise UserError(
            f"{branch} contains merges that would be made again, which is not done step by step",
            hint="choose how it is resolved: --strategy merge, or --strategy rebase --merges flatten",
        )
    if step.kind is StepKind.INTEGRATE and step.refusal is None:
        raise UserError(
            f"{branch} stays where it is: its strategy makes an integration branch, which is not done step by step",
            hint=f"resolve it with --strategy merge, or make {step.integration} by hand",
        )
    if step.refusal is not None or step.kind not in (StepKind.REPLAY, StepKind.MERGE):
        reason = step.refusal[1] if step.refusal is not None else f"nothing has to be merged to align it ({step.kind})"
        raise UserError(f"{branch} cannot be resolved: {reason}", hint="git align run")
    place = folder or opened.repository.state_dir / _FOLDER / file_name_for(branch)
    if place.exists():
        raise UserError(f"{place} is there already", hint="name another folder with --dir")
    session = Session(
        ref=step.ref,
        branch=branch,
        target=step.target.name,
        seen=step.seen,
        onto=step.onto,
        folder=str(place.absolute()),
        plan=wire.dumps(made),
        is_merge=step.kind is StepKind.MERGE,
        opened_at=now(),
        settings=dumped(frozen_for(opened, sockets_of(opened.config), configured_rules(opened))),
    )
    if not journal.open_session(session):
        raise UserError(f"somebody is resolving {branch} already", hint=command_on("git align resolve", branch))
    try:
        tree.begin(opened.repository, session, message=merge_message(step))
    except BaseException:
        journal.close_session(session.ref)
        raise
    return tree.look(opened.repository, session)


def looks(opened: Opened, journal: Journal) -> tuple[Look, ...]:
    """Every open session, looked at."""
    return tuple(tree.look(opened.repository, one) for one in journal.sessions())


def go_on(opened: Opened, session: Session) -> Look:
    """Continue where everything is resolved.

    Raises:
        UserError: something is still in conflict, or still holds markers.
        GitError
    """
    seen = tree.look(opened.repository, session)
    if seen.stand is Stand.STOPPED:
        raise UserError(
            f"{session.branch} is still in conflict at {', '.join(seen.paths[:3])}",
            hint="resolve it, then git add each path in the work tree",
        )
    if seen.stand is Stand.READY:
        if seen.marked:
            raise UserError(
                f"conflict markers are left in {', '.join(seen.marked[:3])}", hint="edit it, then git add it again"
            )
        _record(opened, session, seen)
        tree.go_on(opened.repository, session)
        seen = tree.look(opened.repository, session)
    return seen


def stage(opened: Opened, session: Session) -> Look:
    """Say that everything in conflict is resolved as it is in the work tree.

    Raises:
        UserError: a file still holds conflict markers.
    """
    seen = tree.look(opened.repository, session)
    if marked := tree.marked(Path(session.folder), seen.paths):
        raise UserError(f"conflict markers are left in {', '.join(marked[:3])}", hint="edit it, then try again")
    if seen.paths:
        tree.stage(opened.repository, session, seen.paths)
    return tree.look(opened.repository, session)


def _record(opened: Opened, session: Session, seen: Look) -> None:
    """Keep what the person made of conflicts, for every other branch that meets them. What cannot be kept stops nobody."""
    operator = text(operator_ident(opened.repository, at=now())).rpartition("> ")[0] + ">"
    try:
        for one in tree.settled_conflicts(opened.repository, session, marker_size=MARKER_SIZE):
            remember(
                opened.repository,
                marked=one.marked,
                settled=one.content,
                marker_size=MARKER_SIZE,
                origin=Origin(
                    kind=OriginKind.RESOLVED,
                    by=operator,
                    at=now(),
                    commit=seen.stopped_at or "",
                    branch=session.branch,
                    path=one.path,
                ),
                write_cache=opened.config.resolutions.rr_cache == "write",
                at=now(),
            )
    except GitAlignError as error:
        _LOG.warning("a resolution of %s was not recorded: %s", session.branch, error.message)


_STAGES = {"ours": 2, "theirs": 3}


def resolve_path(opened: Opened, session: Session, path: str, *, side: str) -> bool:
    """Say that one file is resolved: as a side has it, or `as-is`; False when markers are left in it.

    Raises:
        UserError: it is not in conflict, or there is no such side.
    """
    seen = tree.look(opened.repository, session)
    if path not in seen.paths:
        raise UserError(f"{path} is not in conflict", hint=command_on("git align resolve", session.branch))
    if side not in (*_STAGES, "as-is"):
        raise UserError(f"there is no side {side!r}", hint="ours, theirs or as-is")
    if side in _STAGES:
        tree.take(opened.repository, session, path, stage=_STAGES[side])
    elif tree.marked(Path(session.folder), [path]):
        return False
    tree.stage(opened.repository, session, [path])
    return True


def skip(opened: Opened, session: Session) -> Look:
    """Leave out the commit that stopped.

    Raises:
        UserError: nothing is stopped, or it is a merge.
        GitError
    """
    seen = tree.look(opened.repository, session)
    if session.is_merge or seen.stand not in (Stand.STOPPED, Stand.READY):
        raise UserError(f"there is no commit of {session.branch} that could be left out now", hint="git align resolve")
    tree.skip(opened.repository, session)
    return tree.look(opened.repository, session)


def abort(opened: Opened, journal: Journal, session: Session) -> None:
    """Give up: the work tree goes, the branch is where it was all the time."""
    tree.end(opened.repository, session)
    journal.close_session(session.ref)


def finish(
    opened: Opened,
    journal: SqlJournal,
    session: Session,
    *,
    permit: Permit,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Report:
    """Prove, check and publish what the work tree holds, as a run of this one branch.

    The session is closed when the branch was moved; otherwise it stays, so that nothing of the work is lost.

    Raises:
        UserError: the work tree holds no result, or one that is not the branch on its target; or the gate of the moment
            when it was begun cannot be applied.
        GitAlignError: as for a run.
    """
    seen = tree.look(opened.repository, session)
    if seen.stand is not Stand.DONE or seen.head is None:
        raise UserError(f"{session.branch} is not resolved yet", hint=command_on("git align resolve", session.branch))
    if session.settings:
        opened = with_gate(opened, loaded(session.settings, current=opened.config))
    made = wire.load_plan(session.plan)
    step = next(one for one in made.steps if one.branch.name == session.branch)
    outcome = _result(opened, step, session, seen.head)
    report = carry_out(
        opened,
        made,
        replace(permit, plan_id=made.id),
        journal=journal,
        listeners=listeners,
        stop=stop or StopSignal(),
        given={step.id: _given(step, outcome)},
    )
    if any(one.state.value == "moved" for one in report.publications):
        abort(opened, journal, session)
    return report


def _given(step: Step, outcome: Outcome) -> StepResult:
    is_refused = isinstance(outcome, Failed)
    seen = "refused" if is_refused else "found" if getattr(outcome, "findings", ()) else "clean"
    return StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome, detection=seen)


def _result(opened: Opened, step: Step, session: Session, head: Oid) -> Outcome:
    repository = opened.repository
    aligned = _merged(repository, step, head) if session.is_merge else _replayed(opened, step, session, head)
    sockets = sockets_of(opened.config)
    findings = detect_between(
        repository,
        sockets.detectors,
        onto=step.onto,
        branch=step.seen,
        after=aligned.after,
        timeout_s=opened.config.limits().integration_timeout_s,
    )
    refusing = [one for one in findings if sockets.refusing.refuses(one)]
    if refusing:
        return Failed(
            code="error_detection",
            reason=f"{refusing[0].code} in {refusing[0].path}: {refusing[0].message}",
            hint=f"mend it in {session.folder}, commit, and continue",
            stage="detect",
            findings=tuple(findings),
        )
    return replace(aligned, findings=tuple(findings))


def _merged(repository: Repository, step: Step, head: Oid) -> Aligned:
    (commit,) = _read(repository, [head])
    if commit.parents != (step.seen, step.onto):
        raise UserError(
            f"{head[:12]} is not the merge of {step.target.name} into {step.branch.name} that was begun",
            hint=f"{command_on('git align resolve --abort', step.branch.name)}   or put the branch there by hand: git branch -f",
        )
    return Aligned(how=AlignedKind.MERGED, before=step.seen, after=head, onto=step.onto, tree=commit.tree)


def _replayed(opened: Opened, step: Step, session: Session, head: Oid) -> Aligned:
    """The person's commits under the branch's own authors and messages, byte for byte, as a run writes them."""
    repository = opened.repository
    graph = load_graph(repository, [step.seen, step.onto, head])
    own = graph.own(step.seen, step.onto)
    result = graph.own(head, step.onto)
    if result.merges or graph.behind_count(head, step.onto):
        raise UserError(
            f"{head[:12]} does not stand on {step.target.name} in one line of commits",
            hint=f"{command_on('git align resolve --abort', session.branch)}   or put the branch there by hand: git branch -f",
        )
    old = list(zip(own.picks, _read(repository, own.picks), strict=True))
    new = list(zip(result.picks, _read(repository, result.picks), strict=True))
    try:
        pairs, dropped = matched(old, new)
    except NotTheBranch as error:
        raise UserError(
            f"{session.branch} cannot be moved there: {error}",
            hint=f"{command_on('git align resolve --abort', session.branch)}   closes this; git branch -f puts it there by hand",
        ) from error
    committer = operator_ident(repository, at=now())
    by_old, trees = dict(old), {oid: commit.tree for oid, commit in new}
    at = step.onto
    rewrites = []
    for pair in pairs:
        if pair.new == pair.old:  # it stood on the target already
            at = pair.new
        else:
            commit = rewritten(by_old[pair.old], tree=trees[pair.new], parents=(at,), committer=committer)
            at = write_commit(repository.git, commit)
        rewrites.append(replace(pair, new=at))
    tip_tree = trees[pairs[-1].new] if pairs else _read(repository, [step.onto])[0].tree
    return Aligned(
        how=AlignedKind.REPLAYED,
        before=step.seen,
        after=at,
        onto=step.onto,
        tree=tip_tree,
        rewritten=tuple(rewrites),
        dropped=(*dropped, *_flattened(own.merges, repository)),
    )


def _flattened(merges: Sequence[Oid], repository: Repository) -> list[Dropped]:
    commits = _read(repository, merges)
    return [
        Dropped(oid=oid, reason=DropReason.MERGE_FLATTENED, subject=commit.subject)
        for oid, commit in zip(merges, commits, strict=True)
    ]


def _read(repository: Repository, oids: Sequence[Oid]) -> list[RawCommit]:
    reader = CommitReader(repository.git, timeout_s=_TIMEOUT_S)
    try:
        return reader.read(list(oids))
    finally:
        reader.close()
