"""One branch back to where it was before a run moved it: an undo of that run, of that branch alone."""

from __future__ import annotations

import glob
from dataclasses import replace
from typing import Unpack

from gitalign.core.filters import Filters
from gitalign.core.names import branch_of, display, name_fault, ref_of, shell_word
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.run.dead_runs import guard_of, recover_dead
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import OpenRepository, Request, has_state, journal_of, open_for
from gitalign.errors import NotPermitted, UserError
from gitalign.facade.following import Following, caller_of
from gitalign.facade.undoing import undo
from gitalign.git.refs import read_refs
from gitalign.ports import Journal


class MovedOn(UserError):
    """The branch is not where the run put it: what came since is a person's work."""

    code = "moved_on"


def restore(
    request: Request,
    branch: str,
    run_id: str | None = None,
    *,
    push: bool = False,
    permit: Permit | None = None,
    **following: Unpack[Following],
) -> Report:
    """Put one branch back to where it was before a run moved or deleted it. It is an undo of that run, so it can be undone.

    An undo of that branch that was cut off is finished first, and then that is all that happens.

    Args:
        request: which repository.
        branch: by name.
        run_id: the run, by id, unambiguous prefix or `last`; None for the newest one that moved the branch and is not undone.
        push: put it back on the remote, too, if it was pushed.
        permit: to move branches.
        following: see `Following`.

    Raises:
        NotPermitted, UnknownRun, GitError, StoreError
        UserError: no run moved the branch, or what it did is undone.
        MovedOn: the branch moved on since; the hint has the commands.
    """
    if permit is None:
        raise NotPermitted(
            "this would move the branch, and permission was not given", hint="add --yes, or look first with --dry-run"
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    _require_history(opened, branch)
    with journal_of(opened) as journal:
        recovered = [journal.run(one.run_id) for one in recover_dead(opened, journal, caller)]
        for record in recovered:
            if record.kind is RunKind.UNDO and _move(journal, record, branch) is not None:
                return stored_report(opened.repository, journal, record.id)
        chosen = _chosen(opened, journal, branch, run_id)
    return undo(
        replace(request, only=(glob.escape(branch),)),
        chosen.id,
        push=push,
        permit=permit,
        **following,
    )


def restore_preview(
    request: Request, branch: str, run_id: str | None = None, *, push: bool = False
) -> tuple[Publication, ...]:
    """What `restore` would move. Changes nothing.

    Raises:
        UnknownRun, UserError, MovedOn, GitError
    """
    from gitalign.engine.publishing.undo import preview

    opened = open_for(request)
    _require_history(opened, branch)
    with journal_of(opened) as journal:
        for record in journal.runs_in((RunState.PUBLISHING,)):
            if record.kind is RunKind.UNDO and (one := _move(journal, record, branch)) is not None:
                return (one,)
        chosen = _chosen(opened, journal, branch, run_id)
        guard = guard_of(opened, journal, chosen)
        return preview(
            opened.repository, journal, chosen.id, guard=guard, filters=Filters(only=(glob.escape(branch),)), push=push
        )


def _require_history(opened: OpenRepository, branch: str) -> None:
    fault = name_fault(branch)
    if fault is not None:
        raise UserError(f"{display(branch)!r} cannot be a branch: the name {fault}", hint="git branch --list")
    if not has_state(opened):
        raise _never_moved(branch)


def _never_moved(branch: str) -> UserError:
    return UserError(f"no run moved {display(branch)}", hint="git align runs", code="nothing_to_undo")


def _move(journal: Journal, record: RunRecord, branch: str) -> Publication | None:
    ref = ref_of(branch)
    return next((one for one in journal.publications(record.id) if one.update.ref == ref), None)


def _chosen(opened: OpenRepository, journal: Journal, branch: str, run_id: str | None) -> RunRecord:
    """The run to undo.

    Raises:
        UnknownRun, UserError, MovedOn
    """
    moves = dict(journal.moves_of([ref_of(branch)]))
    if run_id is not None:
        record = journal.run(run_id)
        if record.id not in moves:
            raise UserError(
                f"run {record.id} did not move {display(branch)}", hint="git align runs", code="nothing_to_undo"
            )
        if moves[record.id].state is MoveState.UNDONE:
            words = f"what run {record.id} did to {display(branch)} is undone already"
            raise UserError(words, hint="git align runs", code="nothing_to_undo")
    else:
        record = _newest(journal, moves, branch)
    one = moves[record.id]
    if one.state is MoveState.MOVED:
        later = [run_id for run_id, made in moves.items() if _is_later(made, one)]
        _require_still_there(opened, one, later=next(iter(later), None))
    return record


def _is_later(other: Publication, one: Publication) -> bool:
    return other is not one and other.state is MoveState.MOVED and other.update.before == one.update.after


def _newest(journal: Journal, moves: dict[str, Publication], branch: str) -> RunRecord:
    states = (MoveState.MOVED, MoveState.STANDS)
    for record in (journal.run(run_id) for run_id, move in moves.items() if move.state in states):
        if record.kind is not RunKind.UNDO and record.state is RunState.FINISHED:
            return record
    raise (
        _never_moved(branch)
        if not moves
        else UserError(
            f"{display(branch)} is where it was: what runs did to it is undone",
            hint="git align runs",
            code="nothing_to_undo",
        )
    )


def _require_still_there(opened: OpenRepository, one: Publication, *, later: str | None) -> None:
    """Refuse a branch that is not where the run put it, with the commands.

    Raises:
        MovedOn
    """
    ref, before, after = one.update.ref, one.update.before, one.update.after
    stands = read_refs(opened.repository, ref).get(ref)
    is_deleted = set(after) == {"0"}
    if stands == (None if is_deleted else after):
        return
    name, word = display(branch_of(ref)), shell_word(branch_of(ref))
    if stands is None:
        raise MovedOn(f"{name} was deleted since", hint=f"git branch {word} {before}   makes it where it was")
    if later is not None:
        raise MovedOn(
            f"run {later} has moved {name} since",
            hint=f"git align restore {word} --run {later}   takes that back first",
        )
    if is_deleted:
        raise MovedOn(f"{name} was made again since, at {stands[:12]}", hint=f"git log {before[:12]}..{word}")
    raise MovedOn(
        f"{name} has moved on since: it stands at {stands[:12]}, not at {after[:12]}, where the run put it",
        hint=f"git log {after[:12]}..{word}   lists what came since; git rebase --onto {before[:12]} {after[:12]} {word}"
        "   puts that on the old place",
    )
