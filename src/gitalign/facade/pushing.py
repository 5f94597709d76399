"""Pushing what runs moved."""

from __future__ import annotations

from typing import Unpack

from gitalign.core.filters import Filters
from gitalign.core.names import branch_of
from gitalign.core.plan import Permit
from gitalign.core.publication import Publication
from gitalign.core.report import Report
from gitalign.core.selection import require_matches
from gitalign.core.targets import discover_targets
from gitalign.engine.publishing.pushing import Pusher
from gitalign.engine.publishing.undone import last_to_undo
from gitalign.engine.run.contexts import new_observed_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.filtering import filters_of
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import (
    OpenRepository,
    Request,
    has_state,
    journal_of,
    open_for,
)
from gitalign.engine.runtime.snapshots import take_snapshot
from gitalign.errors import NotPermitted
from gitalign.facade.following import Following, caller_of
from gitalign.git.refs import read_refs
from gitalign.ports import Emitter, Journal

LAST = "last"


def push(
    request: Request,
    run_id: str | None = None,
    *,
    permit: Permit | None = None,
    **following: Unpack[Following],
) -> Report | None:
    """Publish on remotes what runs moved here and the remotes do not hold. Itself a run; `undo --push` takes it back.

    Args:
        request: which repository, and which branches.
        run_id: only what this run moved; None for all runs.
        permit: to write to remotes.
        following: see `Following`.

    Returns:
        The report; None when there is nothing to push.

    Raises:
        NotPermitted, UnknownRun, GitError, RemoteError, StoreError
    """
    from gitalign.engine.publishing.push_run import push_earlier

    if permit is None or not permit.push:
        raise NotPermitted(
            "this would write to remotes, which was not confirmed",
            hint="add --yes, or look first with --dry-run",
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    if not has_state(opened):
        return None
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
        publications = _to_push(opened, journal, request, run_id)
        if not publications:
            return None
        with new_observed_run(opened, journal, caller) as run:
            push_earlier(
                run,
                publications,
                policy=opened.config.policy(),
                target_names=opened.config.alignment.targets,
                pusher=pusher_of(opened, journal, run.run_id, run.emit),
            )
        return stored_report(opened.repository, journal, run.run_id)


def push_preview(request: Request, run_id: str | None = None) -> tuple[Publication, ...]:
    """What `push` would publish, and what it would hold back and why. Asks the remotes, changes nothing.

    Raises:
        UserError: `only` names no branch.
        UnknownRun, GitError, RemoteError
    """
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return _to_push(opened, journal, request, run_id)


def _to_push(opened: OpenRepository, journal: Journal, request: Request, run_id: str | None) -> tuple[Publication, ...]:
    from gitalign.engine.publishing.push_run import to_push_of_runs

    require_matches([branch_of(ref) for ref in read_refs(opened.repository, "refs/heads")], request.only)
    chosen = None if run_id is None else last_to_undo(journal, push=False) if run_id == LAST else journal.run(run_id)
    return to_push_of_runs(
        opened.repository,
        journal,
        None if chosen is None else chosen.id,
        filters=filters_for(opened, request),
        settings=opened.config.pushing(),
        targets=_target_names(opened),
    )


def _target_names(opened: OpenRepository) -> tuple[str, ...]:
    snapshot = take_snapshot(opened.repository, now=opened.now())
    return tuple(target.name for target in discover_targets(snapshot, opened.config.alignment.targets))


def pusher_of(opened: OpenRepository, journal: Journal, run_id: str, emit: Emitter) -> Pusher:
    """What pushes for a run."""
    return Pusher(
        repository=opened.repository,
        journal=journal,
        run_id=run_id,
        settings=opened.config.pushing(),
        targets=_target_names(opened),
        emit=emit,
    )


def filters_for(opened: OpenRepository, request: Request) -> Filters:
    """The filters of a request, as of now."""
    return filters_of(opened.repository, request, now=int(opened.now().timestamp()))
