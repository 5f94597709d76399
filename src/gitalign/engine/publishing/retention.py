"""Retention: removing what old runs left, and never the only way back from a young one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gitalign.core.names import CANDIDATES_PREFIX, Oid
from gitalign.core.publication import MoveState
from gitalign.core.retention import PruneReport
from gitalign.core.run import UNFINISHED, RunRecord, RunState
from gitalign.engine.publishing.anchor import anchors_of, mend_anchors, release_keeps
from gitalign.engine.publishing.backups import removable_backups
from gitalign.engine.publishing.pins import release
from gitalign.git.half_named import remove_half_named
from gitalign.git.quarantine import sweep_quarantines
from gitalign.git.refs import RefUpdater, deletions, read_refs
from gitalign.git.repository import Repository
from gitalign.owned_folders import remove_folder
from gitalign.ports import Journal

_DELETED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is to be removed.

    Attributes:
        older_than: age of the end of a run; younger ones stay.
        now: in UTC.
        backups: remove backup branches too.
        dry_run: change nothing.
        only_run: this run's backups alone, and nothing else (clean-up right after a run that went well).
    """

    older_than: timedelta
    now: datetime
    backups: bool
    dry_run: bool
    only_run: str | None = None

    @property
    def before(self) -> datetime:
        """Runs that ended later stay."""
        return self.now - self.older_than


def prune(repository: Repository, journal: Journal, what: Retention) -> PruneReport:
    """Remove pins, logs and on request backup branches of old runs.

    Runs that are not finished are never touched. A backup branch goes only if it is still exactly what the run made, no
    younger run needs it and no work tree is on it; one that was moved is a person's work.
    """
    if not what.dry_run:
        mend_anchors(repository)
    ended = journal.runs_ended_by(what.before) if what.only_run is None else (journal.run(what.only_run),)
    old = [record for record in ended if _is_old(record, what.before)]
    refs = read_refs(repository, "refs/heads", "refs/gitalign")
    gone, kept = _backups(repository, journal, old, refs) if what.backups else ([], [])
    anchors = anchors_of([record.id for record in old], refs) if what.only_run is None else []
    report = PruneReport(
        runs=tuple(record.id for record in old),
        anchors=tuple(ref for ref, _ in anchors),
        backups=tuple(ref for ref, _ in gone),
        kept_backups=tuple(kept),
        dry_run=what.dry_run,
    )
    if what.dry_run:
        return report
    left = (
        [(ref, oid) for ref, oid in refs.items() if _is_left_candidate(ref, what.now)] if what.only_run is None else []
    )
    door = RefUpdater(repository, forbidden=frozenset(), message="git-align prune")
    try:
        kept += [(ref, "it is locked or was moved just now") for ref in _deleted(door, [*gone, *anchors, *left])]
    finally:
        door.close()
    if what.only_run is None:
        journal.drop_anchors([record.id for record in old])
        release_keeps(repository, *(record.id for record in old))
        for record in old:
            with suppress(OSError):
                remove_folder(repository.state_dir, "runs", record.id, "logs")
        journal.forget_before(what.before)
        unfinished = {record.id for record in journal.runs_in(UNFINISHED)}
        needed = release(repository, unfinished=unfinished)
        yesterday = (what.now - timedelta(days=1)).timestamp()
        if not unfinished:  # a run may be naming a pack of the same name at this moment
            remove_half_named(Path(repository.objects_dir) / "pack", needed=needed, before=yesterday)
        sweep_quarantines(repository.state_dir / "quarantine", keep=unfinished)
    return PruneReport(
        runs=report.runs, anchors=report.anchors, backups=report.backups, kept_backups=tuple(kept), dry_run=False
    )


def _deleted(door: RefUpdater, refs: Sequence[tuple[str, Oid]]) -> list[str]:
    """Delete refs that still hold what was seen, many in a transaction; those that stay."""
    stay: list[str] = []
    for start in range(0, len(refs), _DELETED_AT_ONCE):
        chunk = refs[start : start + _DELETED_AT_ONCE]
        if door.move_own(deletions(chunk)) is not None:
            stay += [ref for ref, oid in chunk if door.move_own(deletions([(ref, oid)])) is not None]
    return stay


def _is_left_candidate(ref: str, now: datetime) -> bool:
    """True for a ref of a result that a killed process left; no one looks at a result for a day."""
    stamp = ref.removeprefix(CANDIDATES_PREFIX).partition("/")[0]
    return ref.startswith(CANDIDATES_PREFIX) and stamp[:15] < f"{now - timedelta(days=1):%Y%m%d-%H%M%S}"


def _backups(
    repository: Repository, journal: Journal, old: Sequence[RunRecord], refs: Mapping[str, Oid]
) -> tuple[list[tuple[str, Oid]], list[tuple[str, str]]]:
    made = {record.id: journal.publications(record.id) for record in old}
    return removable_backups(repository, journal, made, refs, done=(MoveState.MOVED, MoveState.UNDONE))


def _is_old(record: RunRecord, before: datetime) -> bool:
    return (
        record.state in (RunState.FINISHED, RunState.FAILED)
        and record.finished_at is not None
        and record.finished_at <= before
    )
