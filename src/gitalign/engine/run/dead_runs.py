"""Runs whose process is gone: finished or rolled back, taken over, and what must not move meanwhile."""

from __future__ import annotations

from contextlib import suppress

from gitalign.core.run import UNFINISHED, RunKind, RunRecord
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.recovery import Recovered, Recovery, recover
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.frozen_settings import CannotGoOn, read_frozen
from gitalign.engine.run.session import OpenRepository, locks_of, run_folder
from gitalign.errors import UserError
from gitalign.ports import Journal


def recover_dead(opened: OpenRepository, journal: Journal, caller: Caller) -> tuple[Recovered, ...]:
    """Finish or roll back what dead processes left unfinished."""
    locks = locks_of(opened)
    recovered = recover(
        Recovery(
            repository=opened.repository,
            journal=journal,
            listeners=caller.listeners,
            checkpoint=caller.checkpoint,
            is_alive=locks.is_alive,
            guard_of=lambda record: guard_of(opened, journal, record),
            surroundings=opened.surroundings,
        )
    )
    locks.sweep(keep={record.id for record in journal.runs_in(UNFINISHED)})
    for run_id in dict.fromkeys(one.run_id for one in recovered):
        _remove_work_trees(opened, run_id)
    return recovered


def _remove_work_trees(opened: OpenRepository, run_id: str) -> None:
    """Delete the work trees that a killed run left, also where only the settings it began with say where they are."""
    from gitalign.engine.gates.check_runner import remove_left_in_home
    from gitalign.worktrees.pool import work_tree_home

    homes = [opened.config.checks()]
    with suppress(CannotGoOn):
        homes.append(read_frozen(run_folder(opened.repository, run_id), current=opened.config).config.checks())
    environ, common_dir = opened.surroundings.environ, opened.repository.common_dir
    for checks in homes:
        remove_left_in_home(work_tree_home(checks.directory, common_dir, environ=environ))


def take_over(opened: OpenRepository, journal: Journal, run_id: str) -> None:
    """Count the process of an unfinished run as gone, because the operator says so.

    Raises:
        UnknownRun, StoreError
        UserError: the run is not under way.
    """
    record = journal.run(run_id)
    if record.state not in UNFINISHED:
        raise UserError(f"run {record.id} is not under way: it is {record.state}", hint="git align runs")
    journal.take_over(record.id, owner=locks_of(opened).taken_over(record.id))


def guard_of(opened: OpenRepository, journal: Journal, record: RunRecord) -> Guard:
    """What must not move when a run is finished or undone: as it was when it began, or as it is now where that is not known."""
    while record.undoes is not None:
        record = journal.run(record.undoes)
    try:
        then = read_frozen(run_folder(opened.repository, record.id), current=opened.config).config
    except CannotGoOn:
        then = opened.config
    landed_on = {one.update.ref for one in journal.publications(record.id)} if record.kind is RunKind.BATCH else set()
    return Guard(opened.repository, then.alignment, frozenset(landed_on))
