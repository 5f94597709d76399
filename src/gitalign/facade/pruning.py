"""Removing what old runs left, and deleting merged branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Unpack

from gitalign.configuration.settings import LONGEST_RETENTION_DAYS
from gitalign.core.merged import Merged
from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.core.retention import PruneReport
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.retention import Retention
from gitalign.engine.publishing.retention import prune as remove_old
from gitalign.engine.run.contexts import Caller, analysis_context, new_observed_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import journal_of, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import NotPermitted, UserError
from gitalign.facade.following import Following, caller_of
from gitalign.facade.pushing import pusher_of
from gitalign.ports import Listener


def prune(
    request: Request, *, older_than_days: int | None = None, backups: bool = False, dry_run: bool = False
) -> PruneReport:
    """Remove pins, and on request backups, of runs older than the retention; never the only way back of a younger one."""
    opened = open_for(request)
    days = opened.config.alignment.retention_days if older_than_days is None else older_than_days
    if not 0 <= days <= LONGEST_RETENTION_DAYS:
        raise UserError(
            f"an age of {days} days is not from 0 to {LONGEST_RETENTION_DAYS}", hint="git align prune --help"
        )
    with journal_of(opened) as journal:
        if not dry_run:
            recover_dead(opened, journal, Caller())
        what = Retention(older_than=timedelta(days=days), now=opened.now(), backups=backups, dry_run=dry_run)
        return remove_old(opened.repository, journal, what)


def merged_branches(request: Request, *, listeners: Sequence[Listener] = (), stop: StopSignal | None = None) -> Merged:
    """Branches of which everything is in their target, with how that is known and what keeps one from being deleted. Moves nothing.

    Args:
        request: which repository and which branches; with `remote` those of a remote, which is read for it.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError: no target, or globs that match no branch.
        GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.analysis.merged import PLAIN, find_merged
    from gitalign.engine.runtime.space import require_space

    asked = replace(
        request,
        push=request.remote is not None,
        needs_branches=True,
        or_remote=False,
        overrides={**request.overrides, **PLAIN},
    )
    opened = open_for(asked, stop)
    made = make_plan(opened, asked)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        caller = Caller(listeners=listeners, stop=stop or StopSignal())
        context = analysis_context(opened, journal, caller, name="merged")
        return find_merged(context, made, graph_of(opened.repository, made, opened.history), journal)


def prune_merged(
    request: Request,
    *,
    squashed: bool = False,
    found: Merged | None = None,
    permit: Permit | None = None,
    **following: Unpack[Following],
) -> Report | None:
    """Delete merged branches, each only if it still stands where it was seen. A run, so `undo` brings them back.

    Args:
        request: which repository and which branches; with `remote` those of a remote, each under its own lease.
        squashed: also branches that were squashed, rebased or picked into their target.
        found: looked at earlier; nothing else is deleted then.
        permit: permission to do so.
        following: see `Following`.

    Returns:
        The report; None when there is nothing to delete.

    Raises:
        NotPermitted, UserError, GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.publishing.prune_merged import Deletion, delete_merged

    if permit is None or (request.remote is not None and not permit.push):
        raise NotPermitted(
            "this would delete branches, and permission was not given", hint="add --yes, or look first with --dry-run"
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
    known = found if found is not None else merged_branches(request, listeners=caller.listeners, stop=caller.stop)
    chosen = known.to_delete(squashed=squashed)
    if not chosen:
        return None
    what = Deletion(found=known, branches=chosen, guard=Guard(opened.repository, opened.config.alignment))
    with journal_of(opened) as journal:
        with new_observed_run(opened, journal, caller) as run:
            delete_merged(run, what, pusher=pusher_of(opened, journal, run.run_id, run.emit))
        return stored_report(opened.repository, journal, run.run_id)
