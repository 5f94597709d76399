"""Resolving branches by hand, one session for each: opened, looked at, continued, and published like any other result."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gitalign.core.manual_resolution import Look, ResolutionSession, Stand
from gitalign.core.names import command_on, file_name_for, shell_word
from gitalign.core.plan import Permit, Plan, Step, StepKind
from gitalign.core.report import Report
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.core.working_set import has_branch, remotes_with_branches
from gitalign.documents import plans
from gitalign.engine.resolution import carrying
from gitalign.engine.resolution.resolutions import ResolvedFile, record_resolution
from gitalign.engine.resolution.result import differing, named, result_of
from gitalign.engine.run.carry_out import Assignment, carry_out
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.frozen_settings import dumped, frozen_for, loaded, with_gate
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import OpenRepository, Request, configured_plugins, configured_rules
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError, UserError
from gitalign.git.command import text
from gitalign.git.identity import operator_ident
from gitalign.ports import Journal, Listener
from gitalign.resolve.rerere import MARKER_SIZE
from gitalign.worktrees import resolution_tree as tree
from gitalign.worktrees.disposable import living_in

_LOG = logging.getLogger("gitalign.resolving")
_FOLDER = "resolving"
_TIMEOUT_S = 120.0


def find(journal: Journal, branch: str) -> ResolutionSession | None:
    """The open session of a branch."""
    return next((one for one in journal.sessions() if one.branch == branch), None)


def begin(
    opened: OpenRepository, journal: Journal, request: Request, branch: str, *, folder: Path | None = None
) -> Look:
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
    step = _resolvable(made, branch)
    place = folder or opened.repository.state_dir / _FOLDER / file_name_for(branch)
    if place.exists():
        raise UserError(f"{place} already exists", hint="name another folder with --dir")
    session = ResolutionSession(
        ref=step.ref,
        branch=branch,
        target=step.target.name,
        seen=step.seen,
        onto=step.onto,
        folder=str(place.absolute()),
        plan=plans.text_of(made),
        is_merge=step.kind is StepKind.MERGE,
        opened_at=opened.now(),
        settings=dumped(frozen_for(opened, configured_plugins(opened.config), configured_rules(opened))),
    )
    if not journal.open_session(session):
        raise UserError(f"a person is resolving {branch} already", hint=command_on("git align resolve", branch))
    try:
        tree.begin(opened.repository, session)
        carrying.begin(opened, session, made, step)
    except BaseException:
        abort(opened, journal, session)
        raise
    return look_at(opened, session)


def _resolvable(made: Plan, branch: str) -> Step:
    """The step of a branch, if a person can resolve it step by step.

    Raises:
        UserError: there is none, or it cannot be resolved so.
    """
    step = next((one for one in made.steps if one.branch.name == branch), None)
    if step is None:
        raise _no_such_branch(made, branch)
    if step.refusal is not None:
        raise UserError(f"{branch} cannot be resolved: {step.refusal[1]}", hint="git align run")
    if step.kind is StepKind.RECREATE:
        raise UserError(
            f"{branch} contains merges that would be made again, which is not done step by step",
            hint="choose how it is resolved: --strategy merge, or --strategy rebase --merges flatten",
        )
    if step.kind is StepKind.INTEGRATE:
        raise UserError(
            f"{branch} stays where it is: its strategy makes an integration branch, which is not done step by step",
            hint=f"resolve it with --strategy merge, or make {step.integration} by hand",
        )
    if step.kind not in (StepKind.REPLAY, StepKind.MERGE):
        reason = f"nothing has to be merged to align it ({step.kind})"
        raise UserError(f"{branch} cannot be resolved: {reason}", hint="git align run")
    return step


def _no_such_branch(made: Plan, branch: str) -> UserError:
    reason = next((one.reason for one in made.excluded if one.branch == branch), "there is no such branch")
    hint = "git align plan --verbose"
    remote = next((one for one in remotes_with_branches(made.snapshot) if has_branch(made.snapshot, one, branch)), None)
    if remote is not None and reason == "there is no such branch":
        reason = f"it exists only on {remote}, and a conflict is resolved in a local branch"
        hint = command_on("git branch --track", branch) + f" {shell_word(f'{remote}/{branch}')}; then the same again"
    return UserError(f"{branch} cannot be resolved: {reason}", hint=hint)


def looks(opened: OpenRepository, journal: Journal) -> tuple[Look, ...]:
    """Every open session, looked at."""
    return tuple(tree.look(opened.repository, one) for one in journal.sessions())


def look_at(opened: OpenRepository, session: ResolutionSession) -> Look:
    """A session, looked at closely: in a result, also what became otherwise than a run would make it without anybody asked.

    Raises:
        GitError, OutOfSpace
    """
    seen = tree.look(opened.repository, session)
    if seen.stand is not Stand.DONE or seen.head is None:
        return seen
    made, step = _planned(session)
    try:
        found = differing(opened, session, made, step, seen.head)
    except UserError:  # it cannot be moved there anyway, and finishing says why
        return seen
    return replace(seen, differing=tuple(f"{oid[:12]} {commit.subject}" for oid, commit in found))


def _planned(session: ResolutionSession) -> tuple[Plan, Step]:
    made = plans.read(session.plan)
    return made, next(one for one in made.steps if one.branch.name == session.branch)


def go_on(opened: OpenRepository, session: ResolutionSession) -> Look:
    """Continue where everything is resolved.

    In a result, commits that no person was asked about are reported once and count as seen from then on.

    Raises:
        UserError: something is still in conflict, holds markers, or is not added.
        GitError
    """
    seen = look_at(opened, session)
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
        if seen.stopped_at is not None:
            _require_added(opened, session)
            _record(opened, session, seen)
        return _carried_on(opened, session, seen, skip=False)
    if seen.differing and seen.head is not None:
        made, step = _planned(session)
        found = differing(opened, session, made, step, seen.head)
        carrying.count_as_asked(opened, session, [oid for oid, _ in found])
    return seen


def _require_added(opened: OpenRepository, session: ResolutionSession) -> None:
    if changed := tree.not_added(opened.repository, session):
        raise UserError(
            f"changes are not added: {', '.join(changed[:3])}",
            hint="git add what belongs to the commit, and git restore the rest",
        )


def _carried_on(opened: OpenRepository, session: ResolutionSession, seen: Look, *, skip: bool) -> Look:
    made, step = _planned(session)
    if not carrying.go_on(opened, session, made, step, skip=skip):
        said = tree.skip(opened.repository, session) if skip else tree.go_on(opened.repository, session)
        after = tree.look(opened.repository, session)
        if (after.stand, after.head, after.position) == (seen.stand, seen.head, seen.position):
            raise UserError(f"git does not go on: {said[:500]}", hint=f"git -C {session.folder} status")
    return look_at(opened, session)


def stage(opened: OpenRepository, session: ResolutionSession) -> Look:
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


def _record(opened: OpenRepository, session: ResolutionSession, seen: Look) -> None:
    """Keep what the person made of conflicts, for every other branch that meets them. What cannot be kept stops no one."""
    operator = text(operator_ident(opened.repository, at=opened.now())).rpartition("> ")[0] + ">"
    try:
        for one in tree.resolved_conflicts(opened.repository, session, marker_size=MARKER_SIZE):
            origin = Origin(
                kind=OriginKind.RESOLVED,
                by=operator,
                at=opened.now(),
                commit=seen.stopped_at or "",
                branch=session.branch,
                path=one.path,
            )
            file = ResolvedFile(marked=one.marked, resolved=one.content, marker_size=MARKER_SIZE, origin=origin)
            writes_cache = opened.config.resolutions.rr_cache == "write"
            record_resolution(opened.repository, file, write_cache=writes_cache, at=opened.now())
    except GitAlignError as error:
        _LOG.warning("a resolution of %s was not recorded: %s", session.branch, error.message)


_STAGES = {"ours": 2, "theirs": 3}


def resolve_path(opened: OpenRepository, session: ResolutionSession, path: str, *, side: str) -> bool:
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


def skip(opened: OpenRepository, session: ResolutionSession) -> Look:
    """Leave out the commit that stopped.

    Raises:
        UserError: nothing is stopped, or it is a merge.
        GitError
    """
    seen = tree.look(opened.repository, session)
    if session.is_merge or seen.stand not in (Stand.STOPPED, Stand.READY):
        raise UserError(f"there is no commit of {session.branch} that could be left out now", hint="git align resolve")
    if seen.stopped_at is None:
        raise UserError(f"{session.branch} was interrupted while commits were carried", hint="continue first")
    return _carried_on(opened, session, seen, skip=True)


def abort(opened: OpenRepository, journal: Journal, session: ResolutionSession) -> None:
    """Give up: the work tree goes, the branch is where it was all the time.

    Raises:
        UserError: a process works in it.
    """
    if living := living_in(Path(session.folder)):
        raise UserError(
            f"process {living[0]} works in {session.folder}",
            hint="leave that folder, or end the process, then try again",
        )
    tree.end(opened.repository, session)
    journal.close_session(session.ref)


def _close(opened: OpenRepository, journal: Journal, session: ResolutionSession) -> str:
    """Remove the work tree of a branch that was moved; why it stays, when something would be lost with it, or works in it."""
    folder = Path(session.folder)
    again = command_on("git align resolve --abort", session.branch)
    try:
        if living := living_in(folder):
            return f"{folder} stays, because process {living[0]} works in it; afterwards: {again}"
        if held := tree.not_landed(opened.repository, session):
            return f"{folder} stays, because it holds what is in no commit: {held}; to delete it: {again}"
        abort(opened, journal, session)
    except (GitAlignError, OSError) as error:
        return f"{folder} stays: {error}; to delete it: {again}"
    return ""


def finish(
    opened: OpenRepository,
    journal: Journal,
    session: ResolutionSession,
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
    made, step = _planned(session)
    if found := differing(opened, session, made, step, seen.head):
        raise UserError(
            f"git alone settled what is a conflict for git align: {named(found)}",
            hint=f"{command_on('git align resolve --continue', session.branch)}   after you looked at them",
        )
    result = result_of(opened, made, step, session, seen.head)
    assignment = Assignment(
        opened=opened,
        journal=journal,
        plan=made,
        permit=replace(permit, plan_id=made.id),
        given={step.id: result},
    )
    report = carry_out(assignment, Caller(listeners=listeners, stop=stop or StopSignal()))
    if any(one.state.value == "moved" for one in report.publications) and (why := _close(opened, journal, session)):
        return replace(report, notices=(*report.notices, why))
    return report
