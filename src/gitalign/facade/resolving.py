"""Resolving a conflict by hand: a disposable work tree for each branch, kept until the branch is moved or the session given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gitalign.core.manual_resolution import Look, ResolutionSession
from gitalign.core.names import command_on
from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.engine.resolution import contents
from gitalign.engine.resolution import sessions as resolving
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.session import OpenRepository, Request, has_state, journal_of, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import NotPermitted, UserError
from gitalign.ports import Journal, Listener


def resolutions_under_way(request: Request) -> tuple[Look, ...]:
    """Every branch that is being resolved, and how far it is. Changes nothing."""
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return resolving.looks(opened, journal)


def resolve(request: Request, branch: str, *, folder: Path | None = None) -> Look:
    """Begin to resolve a branch, or look at how far it is. Moves no branch.

    Args:
        request: strategy and targets, as for a run.
        branch: by name.
        folder: where the work tree of a new session is to be; None for one in the git directory.

    Raises:
        UserError: nothing is to be resolved there.
        GitError, OutOfSpace
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, Caller())
        session = resolving.find(journal, branch)
        if session is None:
            return resolving.begin(opened, journal, request, branch, folder=folder)
        return resolving.look_at(opened, session)


def resolve_continue(request: Request, branch: str) -> Look:
    """Go on after everything in conflict was resolved. Moves no branch.

    Raises:
        UserError: nothing is under way, or something is still in conflict.
        GitError
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return resolving.go_on(opened, _session(opened, journal, branch))


def resolve_stage(request: Request, branch: str) -> Look:
    """Say that everything in conflict is resolved as it is in the work tree, like `git add` of each path.

    Raises:
        UserError: a file still holds conflict markers.
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return resolving.stage(opened, _session(opened, journal, branch))


def resolve_path(request: Request, branch: str, path: str, *, side: str = "as-is") -> bool:
    """Say that one file is resolved: as `ours` or `theirs` has it, or `as-is`; False when markers are left in it.

    Raises:
        UserError: it is not in conflict, or there is no such side.
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return resolving.resolve_path(opened, _session(opened, journal, branch), path, side=side)


def resolve_with(request: Request, branch: str, path: str, content: bytes) -> bool:
    """Resolve one file with a content; False when conflict markers are left in it.

    Raises:
        UserError: it is not in conflict, or its folder leads out of the work tree.
        GitError, OutOfSpace
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return contents.resolve_with(opened, _session(opened, journal, branch), path, content)


def conflict_sides(request: Request, branch: str, *, most_bytes: int) -> Mapping[str, Mapping[int, bytes | None]]:
    """What base (1), ours (2) and theirs (3) are of each path in conflict; None for a content that is too large.

    Raises:
        UserError: nothing is under way.
        GitError
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return contents.sides(opened, _session(opened, journal, branch), most_bytes=most_bytes)


def resolve_skip(request: Request, branch: str) -> Look:
    """Leave out the commit that stopped. Moves no branch.

    Raises:
        UserError, GitError
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        return resolving.skip(opened, _session(opened, journal, branch))


def resolve_abort(request: Request, branch: str) -> ResolutionSession:
    """Give up: the work tree goes, the branch is where it was all the time.

    Raises:
        UserError: nothing is under way.
    """
    opened = open_for(request)
    with journal_of(opened) as journal:
        session = _session(opened, journal, branch)
        resolving.abort(opened, journal, session)
        return session


def resolve_finish(
    request: Request,
    branch: str,
    *,
    permit: Permit | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Report:
    """Prove, check and publish what was resolved, as a run of this one branch: it can be undone like any other.

    Raises:
        NotPermitted: without a permit to move the branch.
        UserError: it is not resolved, or what was made is not the branch on its target.
        GitAlignError
    """
    if permit is None:
        raise NotPermitted("this would move the branch, which was not confirmed", hint="add --yes")
    opened = open_for(request, stop)
    with journal_of(opened) as journal:
        session = _session(opened, journal, branch)
        return resolving.finish(opened, journal, session, permit=permit, listeners=listeners, stop=stop)


def _session(opened: OpenRepository, journal: Journal, branch: str) -> ResolutionSession:
    found = resolving.find(journal, branch)
    if found is None:
        raise UserError(f"{branch} is not being resolved", hint=command_on("git align resolve", branch))
    return found
