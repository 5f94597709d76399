"""Batch runs seen from outside: how they stand, what tasks wrote, and requests to the process that runs one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_digest import request_digest
from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.running.batch_store import OPEN, BatchStore
from gitalign.batches.running.state import BatchRun, Status
from gitalign.batches.running.state import Request as Asked
from gitalign.batches.running.state_document import content_of
from gitalign.core.batch_records import BatchRunRecord
from gitalign.core.events import Event
from gitalign.core.names import display, ref_of
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.run.session import Request, open_for
from gitalign.errors import UnknownRun, UserError
from gitalign.facade.opened_batches import batch_store, has_batch_runs, known_batch_store
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal

if TYPE_CHECKING:
    from gitalign.facade.batch_trees import BatchDisk

_MOST_EVENTS = 8


@dataclass(frozen=True, slots=True)
class BatchHistory:
    """Events of a batch run, and whether a process runs it now."""

    batch_run: str
    is_alive: bool
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch run, and whether a process runs it now."""

    run: BatchRun
    is_alive: bool
    events: tuple[Event, ...] = ()
    """The last ones, where they were asked for."""
    undone: Mapping[int, str] = field(default_factory=dict)
    """Batches whose landing was put back, each with the run that did so; where it was asked for."""

    asked: Asked = Asked.NONE
    """What its process was asked, while that lives."""

    disk: BatchDisk | None = None
    """What work trees of the repository use, where it was measured: see `batch_disk`."""

    @property
    def status(self) -> str:
        """The run's status; `interrupted` where its process is gone, `paused`, `waiting` to be landed or gone on with, `undone`."""
        status = self.run.status
        if self.is_alive:
            return "paused" if status is Status.RUNNING and self.asked is Asked.PAUSE else status.value
        if status is Status.PENDING and self.run.started_at is not None:
            return "waiting"
        if status.is_final and self.undone and self.standing == 0:
            return "undone"
        return "interrupted" if status is Status.RUNNING else status.value

    @property
    def standing(self) -> int:
        """How many landings of it stand."""
        landed = [number for number, one in enumerate(self.run.batches) if one.outcome and one.outcome.landing_run]
        return sum(number not in self.undone for number in landed)


def batch_status(request: Request, batch_id: str = "last", *, measures_disk: bool = False) -> BatchView:
    """One batch run, by id, unambiguous prefix or `last`.

    Args:
        request: which repository.
        batch_id: of the run.
        measures_disk: look up what work trees use as well, which takes longer than all the rest.

    Raises:
        UnknownBatch, StoreError
    """
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        run = store.read(batch_id)
        last = store.journal.last_batch_event(run.id)
        events = store.journal.batch_events(run.id, after=last - _MOST_EVENTS)
        is_alive, undone = store.is_alive(run.id), undone_batches(opened.repository, store.journal, run)
        asked = store.asked(run.id) if is_alive else Asked.NONE
    return BatchView(run, is_alive, events, undone, asked, _disk(request) if measures_disk else None)


def _disk(request: Request) -> BatchDisk:
    from gitalign.facade.batch_trees import batch_disk

    return batch_disk(request)


def batch_of_plan(request: Request, plan: BatchPlan) -> BatchView | None:
    """The newest run of a plan that can be gone on with, or that a process runs; None when there is none.

    Args:
        request: which repository.
        plan: with tasks and a target.

    Raises:
        StoreError
    """
    assert plan.task_list is not None
    digest, target = request_digest(plan), plan.task_list.target or ""
    return _newest(request, lambda store: [one for one in store.of_plan(digest, target) if one.status in OPEN])


def batch_of_project(request: Request, project_id: UUID) -> BatchView | None:
    """The newest run of a project; None when there is none.

    Raises:
        StoreError
    """
    return _newest(request, lambda store: [one for one in store.records() if one.project_id == str(project_id)])


def _newest(request: Request, select: Callable[[BatchStore], Sequence[BatchRunRecord]]) -> BatchView | None:
    opened = open_for(request)
    if not has_batch_runs(opened):
        return None
    with batch_store(opened) as store:
        records = select(store)
        return BatchView(store.read(records[-1].id), store.is_alive(records[-1].id)) if records else None


def batch_content(view: BatchView) -> dict[str, Any]:
    """The members of the document `batch-run`, with what the run itself does not say: undone landings, and whether it is alive.

    Args:
        view: of `batch_status` or `batch_list`.
    """
    content = content_of(view.run)
    batches = [{**one, "undone_by": view.undone.get(number, "")} for number, one in enumerate(content["batches"])]
    seen = {"is_alive": view.is_alive, "state": view.status, "undone": bool(view.undone)}
    disk = {"disk": asdict(view.disk)} if view.disk is not None else {}
    return {**content, **seen, "batches": batches, **disk}


def undone_batches(repository: Repository, journal: Journal, run: BatchRun) -> dict[int, str]:
    """Batches whose landing was undone, each with the run that did so; without those that the target holds again.

    A `git pull` brings a landing back that was undone here and not on the remote.

    Raises:
        GitError, StoreError
    """
    undone = {}
    for number, one in enumerate(run.batches):
        if one.outcome is None or not one.outcome.landing_run:
            continue
        with suppress(UnknownRun):  # the journal that knew it is gone
            record = journal.run(one.outcome.landing_run)
            if record.undone == record.moved and (record.moved or record.undone_by is not None):
                undone[number] = record.undone_by or "by hand"
    tip = read_refs(repository, ref_of(run.target)).get(ref_of(run.target)) if undone else None
    if tip is None:
        return undone
    landed = {number: outcome.landed for number, one in enumerate(run.batches) if (outcome := one.outcome) is not None}
    holds = Ancestry(repository).holds
    return {number: by for number, by in undone.items() if (oid := landed[number]) is None or not holds(tip, oid)}


def batch_events(request: Request, batch_id: str = "last", *, after: int = 0) -> BatchHistory:
    """What happened in a batch run, oldest first.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        after: only events with a higher number.

    Raises:
        UnknownBatch, StoreError
    """
    with known_batch_store(open_for(request), batch_id) as store:
        name = store.record(batch_id).id
        is_alive = store.is_alive(name)  # asked first: what a process that has ended wrote is all there
        return BatchHistory(name, is_alive, store.journal.batch_events(name, after=after))


def batch_list(request: Request) -> tuple[BatchView, ...]:
    """All batch runs, newest first.

    Raises:
        StoreError
    """
    opened = open_for(request)
    if not has_batch_runs(opened):
        return ()
    with batch_store(opened) as store:
        runs = [store.read(one.id) for one in reversed(store.records())]
        return tuple(
            BatchView(
                run,
                store.is_alive(run.id),
                undone=undone_batches(opened.repository, store.journal, run),
                asked=store.asked(run.id),
            )
            for run in runs
        )


def ask_batch(request: Request, batch_id: str, asked: Asked) -> BatchView:
    """Ask the process of a batch run to pause, stop or cancel; `NONE` takes a pause back.

    Raises:
        UnknownBatch, StoreError
        UserError: no process runs it.
    """
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        run = store.read(batch_id)
        if not store.is_alive(run.id):
            hint = f"git align batch {'status' if run.status.is_final else 'resume'} {run.id}"
            raise UserError(f"no process runs batch run {run.id}", hint=hint, code="batch_not_running")
        store.ask(run.id, asked)
        return BatchView(run, True, undone=undone_batches(opened.repository, store.journal, run), asked=asked)


def batch_log(request: Request, batch_id: str, task_id: TaskId) -> str:
    """The output of a task so far, without what a terminal must not be shown.

    Raises:
        UnknownBatch, StoreError
        UserError: there is no such task.
    """
    from gitalign.validate.commands import readable

    with known_batch_store(open_for(request), batch_id) as store:
        run = store.read(batch_id)
        path = store.log_path(run.id, task_id)
    if task_id not in run.tasks:
        raise UserError(f"batch run {run.id} has no task {display(task_id)}", hint=f"git align batch status {run.id}")
    try:
        return readable(path.read_bytes())
    except FileNotFoundError:
        return ""


def batch_log_part(request: Request, batch_id: str, task_id: TaskId, *, offset: int, most_bytes: int) -> bytes:
    """A piece of the output of a task, as it was written; empty where there is no more yet.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        task_id: of that run.
        offset: in bytes.
        most_bytes: of the piece.

    Raises:
        UnknownBatch, StoreError
    """
    with known_batch_store(open_for(request), batch_id) as store:
        path = store.log_path(store.record(batch_id).id, task_id)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most_bytes)
    except FileNotFoundError:
        return b""
