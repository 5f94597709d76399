"""Whole use cases, one function each: shared by the command line, the library and every later surface.

Nothing here knows a terminal. Every function opens the repository, does its work and leaves no process behind.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign import wire
from gitalign.branch_list import BranchList, load_branch_list
from gitalign.config import Config, load_config
from gitalign.core.events import EventKind
from gitalign.core.names import RunId
from gitalign.core.outcome import Aligned, StepResult
from gitalign.core.plan import Permit, Plan, StepKind, Target
from gitalign.core.publication import MoveState, Publication
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.execute import Crew, Executed, execute
from gitalign.engine.limits import MemoryWatch
from gitalign.engine.move import Checkpoint, no_checkpoint
from gitalign.engine.prepare import graph_of, prepare, take_snapshot
from gitalign.engine.recovery import Recovered, recover
from gitalign.engine.retention import PruneReport
from gitalign.engine.retention import prune as remove_old
from gitalign.engine.signals import StopSignal
from gitalign.engine.stream import EventStream, JournalListener
from gitalign.errors import NotPermitted, UnknownRun
from gitalign.git.command import ProcessGate
from gitalign.git.remote import fetch
from gitalign.git.repository import Repository, open_repository
from gitalign.ports import Listener, Sockets
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.owner import owner_is_alive, this_owner
from gitalign.telemetry import AuditTrail, BranchLogs, RunLog

if TYPE_CHECKING:
    from gitalign.engine.doctor import Diagnosis


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every use case is asked with.

    Attributes:
        repo: any path inside the repository.
        config_file: the operator's configuration file, None for the one in the git directory or the defaults.
        overrides: settings that win over every file, by dotted key (`alignment.strategy`).
        input: branch list, None to discover branches.
        only: globs; a branch that matches none of them is left out.
        fetch: fetch the targets first.
        push: read the remote's tips while planning, so that a push can be leased on them.
    """

    repo: Path | str = "."
    config_file: Path | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    input: Path | None = None
    only: tuple[str, ...] = ()
    fetch: bool = False
    push: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a repository stands.

    Attributes:
        to_align: branches a run would work on.
        up_to_date: branches that contain their target.
        next_command: what to type next.
    """

    repository: str
    targets: tuple[Target, ...]
    to_align: int
    up_to_date: int
    excluded: int
    unfinished: tuple[RunRecord, ...]
    last: RunRecord | None
    next_command: str


@dataclass(frozen=True, slots=True)
class _Opened:
    repository: Repository
    config: Config


def plan(request: Request) -> Plan:
    """What a run would do, branch by branch, and why. Changes nothing (with `fetch`, remote-tracking refs only).

    Raises:
        UserError: bad configuration, branch list or targets.
        GitError, RemoteError, StoreError
    """
    return _plan(_open(request), request)


def run(
    request: Request,
    *,
    plan: Plan | None = None,
    permit: Permit | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Report:
    """Align every branch of a plan and publish the results.

    Args:
        request: the repository and settings; `input`, `only`, `fetch` and `push` matter only without `plan`.
        plan: made earlier; branches that moved since are refused, never overwritten.
        permit: leave to move refs. Without `plan`, a permit for any plan of this request is made with `Permit(plan_id="*")`.
        listeners: followers of the event stream.
        stop: the stop button.
        checkpoint: called with a name before each effect; rehearsals of crashes end the process there.

    Raises:
        NotPermitted: without a permit for the plan.
        UserError, GitError, RemoteError, StoreError, OutOfSpace
    """
    if permit is None:
        raise NotPermitted(
            "running would move branches, and leave to do so was not given",
            hint="add --yes, or look first: git align plan",
        )
    opened = _open(request)
    with _journal(opened) as journal:
        _recover(opened, journal, listeners)
        made = plan if plan is not None else _plan(opened, request)
        leave = replace(permit, plan_id=made.id) if permit.plan_id == "*" else permit
        if leave.plan_id != made.id:
            raise NotPermitted("the permit is for another plan", hint="give leave for this plan: git align run --yes")
        return _run(
            opened,
            made,
            leave,
            journal=journal,
            listeners=listeners,
            stop=stop or StopSignal(),
            checkpoint=checkpoint,
            fetched=request.fetch,
        )


def resume(
    request: Request, *, listeners: Sequence[Listener] = (), stop: StopSignal | None = None
) -> tuple[Report, ...]:
    """Finish or roll back every run that was cut off, then go on with those that were stopped before they published.

    Returns:
        Reports of the runs that were recovered or went on; empty when there was nothing to do.
    """
    opened = _open(request)
    if not _has_state(opened):
        return ()
    button = stop or StopSignal()
    reports: list[Report] = []
    with _journal(opened) as journal:
        recovered = _recover(opened, journal, listeners)
        reports += [
            _stored_report(opened, journal, run_id)
            for run_id in dict.fromkeys(one.run_id for one in recovered)
            if any(one.state is not MoveState.ROLLED_BACK for one in journal.publications(run_id))
        ]
        for record in journal.runs():
            if record.kind is RunKind.ALIGN and record.state is RunState.INTERRUPTED and not button.stop_requested:
                stored = wire.load_plan(journal.plan_json(record.id))
                reports.append(
                    _run(
                        opened,
                        stored,
                        Permit(plan_id=stored.id, given_by=f"resume of {record.id}"),
                        journal=journal,
                        listeners=listeners,
                        stop=button,
                    )
                )
                journal.set_state(record.id, RunState.FINISHED, outcome="continued")
    return tuple(reports)


def undo(
    request: Request,
    run_id: str,
    *,
    push: bool = False,
    permit: Permit | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Report:
    """Put back what a run moved, wherever it still stands as the run left it. Itself a run, so it can be undone.

    Raises:
        NotPermitted, UnknownRun, GitError, StoreError
    """
    from gitalign.engine.undo import undo as put_back

    if permit is None:
        raise NotPermitted(
            "undoing would move branches, and leave to do so was not given",
            hint="add --yes, or look first with --dry-run",
        )
    opened = _open(request)
    _require_state(opened, run_id)
    with _journal(opened) as journal:
        _recover(opened, journal, listeners)
        undone = journal.run(run_id)
        started = _now()
        new_id = _new_run_id(started)
        with _stream(opened, journal, new_id, listeners) as emit:
            put_back(
                opened.repository,
                journal,
                undone.id,
                new_run_id=new_id,
                only=request.only,
                push=push,
                emit=emit,
                stop=stop or StopSignal(),
                started_at=started,
                owner=this_owner(),
                is_alive=owner_is_alive,
                checkpoint=checkpoint,
            )
        return _stored_report(opened, journal, new_id)


def undo_preview(request: Request, run_id: str) -> tuple[Publication, ...]:
    """What `undo` would move, and what it would leave and why. Changes nothing."""
    from gitalign.engine.undo import preview

    opened = _open(request)
    _require_state(opened, run_id)
    with _journal(opened) as journal:
        return preview(opened.repository, journal, journal.run(run_id).id, only=request.only)


def runs(request: Request) -> tuple[RunRecord, ...]:
    """Every run of the repository, newest first. Changes nothing."""
    opened = _open(request)
    if not _has_state(opened):
        return ()
    with _journal(opened) as journal:
        return journal.runs()


def show(request: Request, run_id: str = "last") -> Report:
    """The report of one run, by id, unambiguous prefix or `last`.

    Raises:
        UnknownRun
    """
    opened = _open(request)
    _require_state(opened, run_id)
    with _journal(opened) as journal:
        return _stored_report(opened, journal, journal.run(run_id).id)


def prune(
    request: Request, *, older_than_days: int | None = None, backups: bool = False, dry_run: bool = False
) -> PruneReport:
    """Remove pins, and on request backups, of runs older than the retention; never the only way back of a younger one."""
    opened = _open(request)
    days = opened.config.alignment.retention_days if older_than_days is None else older_than_days
    with _journal(opened) as journal:
        if not dry_run:
            _recover(opened, journal, ())
        return remove_old(
            opened.repository, journal, older_than=timedelta(days=days), now=_now(), backups=backups, dry_run=dry_run
        )


def doctor(request: Request) -> tuple[Diagnosis, ...]:
    """Check git, the repository, the store, the disk, work trees and settings. Changes nothing and does not raise for what it finds."""
    from gitalign.engine.doctor import examine

    def journal(state_dir: Path) -> SqlJournal | None:
        return open_journal(state_dir / "gitalign.db") if (state_dir / "gitalign.db").exists() else None

    return examine(request.repo, load=lambda: _open(request).config, journal=journal)


def status(request: Request) -> Status:
    """Where things stand, and what to type next. Changes nothing."""
    opened = _open(request)
    made = _plan(opened, replace(request, fetch=False, push=False))
    history: tuple[RunRecord, ...] = runs(request)
    unfinished = tuple(
        record
        for record in history
        if record.state in (RunState.INTEGRATING, RunState.PUBLISHING, RunState.INTERRUPTED)
    )
    to_align = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) for step in made.steps)
    if unfinished:
        next_command = "git align resume"
    elif not made.targets:
        next_command = "git align plan --help"
    else:
        next_command = "git align run" if to_align else "git align runs"
    return Status(
        repository=opened.repository.work_tree or opened.repository.common_dir,
        targets=made.targets,
        to_align=to_align,
        up_to_date=len(made.steps) - to_align,
        excluded=len(made.excluded),
        unfinished=unfinished,
        last=history[0] if history else None,
        next_command=next_command,
    )


def _open(request: Request) -> _Opened:
    repository = open_repository(request.repo)
    config = load_config(
        file=request.config_file, git_dir=Path(repository.common_dir), environ=os.environ, overrides=request.overrides
    )
    return _Opened(repository.gated(ProcessGate(config.limits().max_git_processes)), config)


def _plan(opened: _Opened, request: Request) -> Plan:
    listed: BranchList | None = load_branch_list(request.input) if request.input is not None else None
    settings = opened.config.alignment
    if request.fetch:
        fetch(opened.repository, settings.remote)
    remote = settings.remote if request.push else None
    snapshot = take_snapshot(opened.repository, now=_now(), remote=remote, ask_remote=request.push)
    prepared = prepare(
        opened.repository,
        snapshot,
        policy=opened.config.policy(),
        target_names=settings.targets,
        prefer_remote=request.fetch,
        listed=listed,
        only=request.only,
    )
    return prepared.plan


def _run(
    opened: _Opened,
    made: Plan,
    permit: Permit,
    *,
    journal: SqlJournal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint = no_checkpoint,
    fetched: bool = False,
) -> Report:
    started = _now()
    run_id = _new_run_id(started)
    record = RunRecord(
        id=run_id,
        kind=RunKind.ALIGN,
        state=RunState.INTEGRATING,
        started_at=started,
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id=made.id,
        total=len(made.steps),
        owner=this_owner(),
    )
    journal.begin_run(record, plan_json=wire.dumps(made))
    memory = MemoryWatch()
    with _stream(opened, journal, run_id, listeners) as emit:
        emit(
            EventKind.RUN_STARTED,
            plan=made.id,
            steps=len(made.steps),
            excluded=len(made.excluded),
            permit=permit.given_by,
        )
        if fetched:
            emit(EventKind.FETCHED, remote=opened.config.alignment.remote)
        crew = Crew(
            journal=journal,
            emit=emit,
            stop=stop,
            sockets=_sockets(opened.config),
            owner=this_owner(),
            is_alive=owner_is_alive,
            checkpoint=checkpoint,
        )
        try:
            executed = execute(
                opened.repository,
                made,
                graph_of(opened.repository, made),
                run_id=run_id,
                started_at=started,
                permit=permit,
                limits=opened.config.limits(),
                crew=crew,
                documents_dir=_run_dir(opened.repository, run_id) / "summaries",
            )
        except BaseException as error:
            _ended_badly(journal, run_id, emit, error)
            raise
        finally:
            journal.release(run_id)
        report = _report(journal.run(run_id), made, executed, started=started, memory=memory)
        outcome = "interrupted" if executed.interrupted else ("ok" if report.exit_code() == 0 else "attention")
        journal.set_state(run_id, _end_state(executed), outcome=outcome, finished_at=_now())
        if opened.config.orchestration.auto_cleanup_backups and outcome == "ok":
            emit(EventKind.NOTICE, text="backup branches of this run are removed, as configured")
            remove_old(
                opened.repository,
                journal,
                older_than=timedelta(0),
                now=_now(),
                backups=True,
                dry_run=False,
                only_run=run_id,
            )
        emit(EventKind.RUN_FINISHED, outcome=outcome, moved=journal.run(run_id).moved)
    report = replace(report, run=journal.run(run_id))
    _keep_report(opened.repository, report)
    return report


def _end_state(executed: Executed) -> RunState:
    """Where a run that raised nothing stands: stopped while publishing it stays so, for `resume` to finish."""
    if any(one.state is MoveState.INTENDED for one in executed.publications):
        return RunState.PUBLISHING
    return RunState.INTERRUPTED if executed.interrupted and not executed.publications else RunState.FINISHED


def _report(record: RunRecord, made: Plan, executed: Executed, *, started: datetime, memory: MemoryWatch) -> Report:
    return Report(
        run=record,
        plan=made,
        results=executed.results,
        publications=executed.publications,
        phases=executed.phases,
        peak_memory_bytes=memory.peak_own_bytes(),
        breaker_tripped=any(getattr(result.outcome, "code", "") == "circuit_breaker" for result in executed.results),
        notices=_notices(executed),
        executed_at=started,
        total_s=(_now() - started).total_seconds(),
    )


def _notices(executed: Executed) -> tuple[str, ...]:
    merged, shared, trivial = executed.merges
    unsigned = sum(result.outcome.unsigned for result in executed.results if isinstance(result.outcome, Aligned))
    notes = [f"{merged} merges made, {shared} answers shared, {trivial} needed none"]
    if unsigned:
        notes.append(
            f"{unsigned} rewritten commits were signed before and are not now; set commit.gpgsign to sign them again"
        )
    return tuple(notes)


def _ended_badly(journal: SqlJournal, run_id: str, emit: Callable[..., None], error: BaseException) -> None:
    """Write down how a run ended that raised; a run that is publishing stays so, for `resume` to finish."""
    state = journal.run(run_id).state
    emit(EventKind.NOTICE, text=f"ended by {type(error).__name__}: {error}")
    if state is RunState.INTEGRATING:
        stopped = isinstance(error, KeyboardInterrupt)
        journal.set_state(
            run_id,
            RunState.INTERRUPTED if stopped else RunState.FAILED,
            outcome="interrupted" if stopped else "failed",
            finished_at=_now(),
        )


def _recover(opened: _Opened, journal: SqlJournal, listeners: Sequence[Listener]) -> tuple[Recovered, ...]:
    return recover(opened.repository, journal, listeners=listeners, is_alive=owner_is_alive, now=_now())


def _stored_report(opened: _Opened, journal: SqlJournal, run_id: str) -> Report:
    """A run's report from the journal; timings come from the report file where there is one."""
    record = journal.run(run_id)
    made = wire.load_plan(journal.plan_json(run_id))
    results: tuple[StepResult, ...] = journal.results(run_id)
    kept = wire.load_report_extras(_run_dir(opened.repository, run_id) / "report.json")
    return Report(
        run=record,
        plan=made,
        results=results,
        publications=journal.publications(run_id),
        phases=kept.phases,
        peak_memory_bytes=kept.peak_memory_bytes,
        breaker_tripped=any(getattr(result.outcome, "code", "") == "circuit_breaker" for result in results),
        notices=kept.notices,
        executed_at=record.started_at,
        total_s=((record.finished_at or record.started_at) - record.started_at).total_seconds(),
    )


def _sockets(config: Config) -> Sockets:
    from gitalign.engine.plugins import load_sockets

    return load_sockets(detectors=config.alignment.detectors, documenter=config.alignment.documenter)


@contextmanager
def _journal(opened: _Opened) -> Iterator[SqlJournal]:
    journal = open_journal(_database(opened.repository))
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _stream(opened: _Opened, journal: SqlJournal, run_id: str, listeners: Sequence[Listener]) -> Iterator[EventStream]:
    folder = _run_dir(opened.repository, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    settings = opened.config.orchestration
    durable = JournalListener(journal)
    audit = AuditTrail(folder / "audit.jsonl") if settings.audit_trail_enabled else None
    logs = BranchLogs(folder / "logs") if settings.log_per_branch else None
    log = RunLog(folder / "run.log", level=settings.log_level)
    followers: list[Listener] = [durable, log, *(one for one in (audit, logs) if one is not None), *listeners]
    try:
        yield EventStream(run_id, _now, followers)
    finally:
        durable.flush()
        for one in (log, audit, logs):
            if one is not None:
                one.close()


def _keep_report(repository: Repository, report: Report) -> None:
    folder = _run_dir(repository, report.run.id)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "report.json.new"
    temporary.write_text(wire.dumps_report(report), encoding="ascii")
    temporary.replace(folder / "report.json")


def _has_state(opened: _Opened) -> bool:
    return _database(opened.repository).exists()


def _require_state(opened: _Opened, run_id: str) -> None:
    if not _has_state(opened):
        raise UnknownRun(f"no run {run_id!r}: nothing was ever run here", hint="git align run")


def _database(repository: Repository) -> Path:
    return repository.state_dir / "gitalign.db"


def _run_dir(repository: Repository, run_id: str) -> Path:
    return repository.state_dir / "runs" / run_id


def _new_run_id(at: datetime) -> RunId:
    return RunId(f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")


def _now() -> datetime:
    return datetime.now(UTC)
