"""One branch moved to where another stands."""

from __future__ import annotations

from typing import Unpack

from gitalign.core.names import BranchName, display, ref_of
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.report import Report
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.move_branches import move_branches
from gitalign.engine.run.contexts import new_observed_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import Request, journal_of, open_for
from gitalign.errors import NotPermitted, UserError
from gitalign.facade.following import Following, caller_of
from gitalign.git.refs import read_refs
from gitalign.git.worktree import read_checkouts


def move_branch(
    request: Request, branch: str, to: str, *, permit: Permit | None, **following: Unpack[Following]
) -> Report | None:
    """Move a branch to where another branch stands. A run, so `undo` puts it back.

    Args:
        request: which repository.
        branch: that moves.
        to: the branch whose commit it is to have.
        permit: to move it.
        following: see `Following`.

    Returns:
        The report; None when it stands there already.

    Raises:
        NotPermitted, UserError, GitError, StoreError
    """
    if permit is None:
        raise NotPermitted("this would move a branch, which was not confirmed", hint="give a permit")
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    repository = opened.repository
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
        refs = read_refs(repository, "refs/heads")
        for name in (branch, to):
            if ref_of(BranchName(name)) not in refs:
                raise UserError(f"there is no branch {display(name)}", hint="git branch --list")
        ref = ref_of(BranchName(branch))
        update = RefUpdate(ref=ref, before=refs[ref], after=refs[ref_of(BranchName(to))])
        if update.before == update.after:
            return None
        held = {one.ref: one.path for one in read_checkouts(repository, of_interest={ref})}
        publication = Publication(update=update, stack=0, state=MoveState.INTENDED, work_tree=held.get(ref))
        with new_observed_run(opened, journal, caller) as run:
            guard = Guard(repository, opened.config.alignment)
            move_branches(run, [publication], guard=guard, message=f"{branch} to {to}")
        return stored_report(repository, journal, run.run_id)
