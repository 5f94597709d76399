"""A session: a repository opened with its settings and journal, and one run carried through it.

What the use cases of the facade share. Nothing here knows a terminal.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign import wire
from gitalign.branch_list import BranchList, load_branch_list
from gitalign.config import Config, load_config
from gitalign.core.events import EventKind
from gitalign.core.long_lived import PRIMARY_NAMES
from gitalign.core.names import HEADS, RunId, StepId
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Permit, Plan, Snapshot, Tip
from gitalign.core.publication import MoveState
from gitalign.core.report import Report
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.core.selection import require_branches
from gitalign.core.targets import WantedTargets, discover_targets, head_of_remote
from gitalign.core.working_set import branches_of, has_no_work, only_on_remotes, tips_of, with_branches_of
from gitalign.engine.execute import Crew, Executed, execute
from gitalign.engine.filtering import filters_of
from gitalign.engine.frozen import CannotGoOn, Frozen, keep_frozen, read_frozen, require_same, rules_digest
from gitalign.engine.guard import Guard
from gitalign.engine.limits import MemoryWatch
from gitalign.engine.move import Checkpoint, no_checkpoint
from gitalign.engine.observers import observing, require_observers
from gitalign.engine.prepare import graph_of, prepare, take_snapshot
from gitalign.engine.push_planning import with_push_places
from gitalign.engine.recovery import Recovered, recover
from gitalign.engine.remote_branches import read_remote, with_places_on
from gitalign.engine.reports import kept, made_report, run_folder, summarised
from gitalign.engine.retention import prune as remove_old
from gitalign.engine.settlers import Settling, resolving
from gitalign.engine.signals import StopSignal
from gitalign.engine.stream import EventStream, JournalListener
from gitalign.errors import StoreError, UnknownRun, UserError
from gitalign.git.command import ProcessGate
from gitalign.git.refs import read_tips
from gitalign.git.remote import fetch, fetch_branches
from gitalign.git.repository import Repository, open_repository, sharing
from gitalign.git.worktree import work_trees
from gitalign.ports import Detector, Documenter, Listener, Sockets
from gitalign.shared_files import make_folder, share_folder
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.run_locks import RunLocks
from gitalign.telemetry import AuditTrail, BranchLogs, RunLog

if TYPE_CHECKING:
    from gitalign.engine.rules import HouseRules


_LOG = logging.getLogger("gitalign.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every use case is asked with.

    Attributes:
        repo: any path inside the repository.
        config_file: the operator's configuration file, None for the one in the git directory or the defaults.
        overrides: settings that win over every file, by dotted key (`alignment.strategy`).
        input: branch list, None to discover branches.
        only: globs; a branch that matches none of them is left out.
        exclude: globs; a branch that matches one of them is left out.
        authors: patterns (`core.filters.Filters`); a branch whose last commit is by none of these authors is left out.
        since: a date as git reads it; a branch whose last commit is older is left out.
        older_than: an age or a date; a branch whose last commit is not older is left out.
        fetch: fetch the targets first; with `remote` all of its branches.
        remote: align the branches of this remote instead of the local ones; empty for the configured remote, None for local ones.
        also_local: with `remote`, align local branches, too: both places together.
        or_remote: take the remote's branches when there are no local ones.
        push: read the remote's tips while planning, so that a push can be leased on them.
        needs_branches: refuse a repository without a target, and globs of `only` that match no branch.
    """

    repo: Path | str = "."
    config_file: Path | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    input: Path | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    since: str | None = None
    older_than: str | None = None
    fetch: bool = False
    push: bool = False
    needs_branches: bool = False
    remote: str | None = None
    also_local: bool = False
    or_remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """A program's own plug-ins for one run, beside those that the configuration names. Nothing moves that they refuse."""

    detector: Detector | None = None
    documenter: Documenter | None = None


NO_PLUGINS = Plugins()


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository and the settings that hold for it.

    Attributes:
        explicit: where settings come from that were given for this very command.
    """

    repository: Repository
    config: Config
    explicit: tuple[str, ...] = ()


def open_for(request: Request) -> Opened:
    """Open the repository of a request and read its settings.

    Raises:
        NotARepository, GitTooOld, GitMissing, ConfigError
        PluginError: a library that the settings need is missing.
    """
    repository = open_repository(request.repo)
    config = load_config(
        file=request.config_file, git_dir=Path(repository.common_dir), environ=os.environ, overrides=request.overrides
    )
    require_observers(config.telemetry)
    explicit = ("command line", *([str(request.config_file)] if request.config_file is not None else []))
    return Opened(repository.gated(ProcessGate(config.limits().max_git_processes)), config, explicit)


def make_plan(opened: Opened, request: Request, *, whatever_is_checked_out: bool = False) -> Plan:
    """Read the branch list, fetch when asked, take the snapshot and decide.

    Args:
        opened: repository and settings.
        request: what is asked.
        whatever_is_checked_out: take in branches that could not be moved now because a work tree holds them.

    Raises:
        UserError, GitError, RemoteError
    """
    listed: BranchList | None = load_branch_list(request.input) if request.input is not None else None
    filters = filters_of(opened.repository, request, now=int(now().timestamp()))
    settings = opened.config.alignment
    remote = request.remote or settings.remote if request.remote is not None else None
    if request.fetch and remote is not None:
        if not request.push:  # which reads the remote as well
            fetch_branches(opened.repository, remote)
    elif request.fetch:
        fetch(
            opened.repository,
            settings.remote,
            [one.removeprefix(f"{settings.remote}/") for one in settings.targets]
            or _usual_targets(opened.repository, settings.remote),
        )
    told = read_remote(opened.repository, remote) if remote is not None and request.push else None
    seen = take_snapshot(opened.repository, now=now())
    if remote is not None and not request.also_local:
        snapshot = _of_remote(opened, seen, remote, told)
    else:
        snapshot = _with_places(opened, seen)
        if request.push:
            snapshot = _with_push(opened, snapshot, request)
        if remote is not None:
            both = with_branches_of(snapshot, remote, tips_of(seen, remote) if told is None else told)
            snapshot = _on_remote(opened, both)

    def prepared(snapshot: Snapshot) -> Plan:
        return prepare(
            opened.repository,
            replace(snapshot, checkouts=()) if whatever_is_checked_out else snapshot,
            policy=opened.config.policy(),
            wanted=WantedTargets(names=settings.targets, given_by=_given_by(opened.config), remote=settings.remote),
            prefer=settings.remote if request.fetch and (remote is None or request.also_local) else None,
            listed=listed,
            filters=filters,
        ).plan

    made = prepared(snapshot)
    if request.or_remote and remote is None and listed is None and has_no_work(made):
        elsewhere = dict(only_on_remotes(seen, [target.name for target in made.targets]))
        instead = settings.remote if settings.remote in elsewhere or len(elsewhere) != 1 else next(iter(elsewhere))
        if instead in elsewhere:
            made = prepared(_of_remote(opened, seen, instead))
    if request.needs_branches and (listed is None or listed.entries):  # an empty list asks for nothing
        require_branches(made, request.only, is_listed=listed is not None)
    return made


def _of_remote(opened: Opened, seen: Snapshot, remote: str, told: Sequence[Tip] | None = None) -> Snapshot:
    """The snapshot with the branches of a remote: as it said itself, or as the clone knows them."""
    return _on_remote(opened, branches_of(seen, remote, tips_of(seen, remote) if told is None else told))


def _on_remote(opened: Opened, snapshot: Snapshot) -> Snapshot:
    targets = discover_targets(snapshot, opened.config.alignment.targets)
    return with_places_on(opened.repository, snapshot, opened.config.pushing(), targets=targets)


def _given_by(config: Config) -> str:
    """Where targets were named, in words."""
    origin = config.origin("alignment.targets")
    if origin == "command line":
        return "--target"
    return origin if origin.startswith("GITALIGN_") else f"alignment.targets in {origin}"


def _usual_targets(repository: Repository, remote: str) -> tuple[str, ...]:
    """Names to look for on a remote when the operator named no target."""
    head = head_of_remote(read_tips(repository, f"refs/remotes/{remote}/HEAD"), remote)
    return (*([head] if head else []), *PRIMARY_NAMES)


def _with_places(opened: Opened, snapshot: Snapshot) -> Snapshot:
    """The snapshot with where runs put the integration branches that are there; the journal is asked when there are any."""
    before = f"{HEADS}{opened.config.alignment.integration_prefix}/"
    there = {tip.ref for tip in snapshot.tips if tip.ref.startswith(before)}
    if not there or not has_state(opened):
        return snapshot
    with journal_of(opened) as journal:
        return replace(snapshot, placed=tuple(sorted(journal.placed(there).items())))


def _with_push(opened: Opened, snapshot: Snapshot, request: Request) -> Snapshot:
    """The snapshot with where its branches are pushed."""
    settings = opened.config.alignment
    with journal_of(opened) if has_state(opened) else nullcontext() as journal:
        return with_push_places(
            opened.repository,
            snapshot,
            opened.config.pushing(),
            targets=discover_targets(snapshot, settings.targets),
            only=request.only,
            prefix=settings.integration_prefix,
            backup_prefix=opened.config.orchestration.backup_branch_prefix,
            journal=journal,
        )


def carry_out(
    opened: Opened,
    made: Plan,
    permit: Permit,
    *,
    journal: SqlJournal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint = no_checkpoint,
    fetched: bool = False,
    given: Mapping[StepId, StepResult] | None = None,
    plugins: Plugins = NO_PLUGINS,
) -> Report:
    """Carry a plan through as a new run and write its report.

    Args:
        opened: repository and settings.
        made: the plan.
        permit: leave for exactly this plan.
        journal: of the repository.
        listeners: followers of the event stream.
        stop: the stop button.
        checkpoint: called before each effect.
        fetched: whether targets were fetched for this plan; for the log.
        given: results of steps that were made elsewhere.
        plugins: a program's own.

    Raises:
        GitAlignError: the run as a whole could not go on; the journal says how far it got.
    """
    # What cannot be had is told before a run is written down that could not go on.
    Guard(opened.repository, opened.config.alignment).require_free(made)
    house = configured_rules(opened)
    settling = Settling(repository=opened.repository, config=opened.config, memory=journal, stop=stop, at=now())
    with (
        resolving(
            settling,
            made.policy,
            sockets_of(opened.config).with_given(plugins.detector, plugins.documenter),
        ) as sockets,
        observing(opened.config.telemetry, opened.repository) as observers,
    ):
        report = _carry_through(
            opened,
            made,
            permit,
            journal=journal,
            listeners=[*listeners, *observers.listeners],
            stop=stop,
            checkpoint=checkpoint,
            fetched=fetched,
            sockets=sockets,
            house=house,
            given=given,
        )
        observers.finished(report)
    return report


def _carry_through(
    opened: Opened,
    made: Plan,
    permit: Permit,
    *,
    journal: SqlJournal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint,
    fetched: bool,
    sockets: Sockets,
    house: HouseRules | None,
    given: Mapping[StepId, StepResult] | None,
) -> Report:
    started = now()
    run_id = new_run_id(started)
    with locks_of(opened).held(run_id) as owner:
        return _as_run(
            opened,
            made,
            permit,
            run_id=run_id,
            owner=owner,
            started=started,
            journal=journal,
            listeners=listeners,
            stop=stop,
            checkpoint=checkpoint,
            fetched=fetched,
            sockets=sockets,
            house=house,
            given=given,
        )


def _as_run(
    opened: Opened,
    made: Plan,
    permit: Permit,
    *,
    run_id: RunId,
    owner: str,
    started: datetime,
    journal: SqlJournal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint,
    fetched: bool,
    sockets: Sockets,
    house: HouseRules | None,
    given: Mapping[StepId, StepResult] | None,
) -> Report:
    keep_frozen(run_folder(opened.repository, run_id), frozen_for(opened, sockets, house))
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
        owner=owner,
    )
    journal.begin_run(record, plan_json=wire.dumps(made))
    memory = MemoryWatch()
    with event_stream(opened, journal, run_id, listeners) as emit:
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
            sockets=sockets,
            rules=house,
            owner=owner,
            is_alive=locks_of(opened).is_alive,
            guard=Guard(opened.repository, opened.config.alignment),
            checkpoint=checkpoint,
            checks=opened.config.checks(),
            furthest=opened.config.alignment.furthest,
            push=opened.config.pushing(),
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
                documents_dir=run_folder(opened.repository, run_id) / "summaries",
                certificates_dir=run_folder(opened.repository, run_id),
                given=given,
            )
        except BaseException as error:
            _ended_badly(journal, run_id, emit, error)
            raise
        finally:
            journal.release(run_id)
        report = made_report(journal.run(run_id), made, executed, started=started, now=now(), memory=memory)
        public = [words for _, _, words in made.snapshot.public_targets]
        report = replace(report, notices=(*report.notices, *public, *sockets.notices))
        outcome = "interrupted" if executed.interrupted else ("ok" if report.exit_code() == 0 else "attention")
        journal.set_state(run_id, _end_state(executed), outcome=outcome, finished_at=now())
        if opened.config.orchestration.auto_cleanup_backups and outcome == "ok":
            emit(EventKind.NOTICE, text="backup branches of this run are removed, as configured")
            remove_old(
                opened.repository,
                journal,
                older_than=timedelta(0),
                now=now(),
                backups=True,
                dry_run=False,
                only_run=run_id,
            )
        emit(EventKind.RUN_FINISHED, outcome=outcome, moved=journal.run(run_id).moved)
    report = replace(report, run=journal.run(run_id))
    if opened.config.alignment.summaries:
        report = summarised(opened.repository, report)
        journal.record_results(run_id, report.results)
    return kept(opened.repository, report)


def _end_state(executed: Executed) -> RunState:
    """Where a run that raised nothing stands: stopped while publishing it stays so, for `resume` to finish."""
    if any(one.state is MoveState.INTENDED for one in executed.publications):
        return RunState.PUBLISHING
    return RunState.INTERRUPTED if executed.interrupted and not executed.publications else RunState.FINISHED


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
            finished_at=now(),
        )


def recover_dead(opened: Opened, journal: SqlJournal, listeners: Sequence[Listener]) -> tuple[Recovered, ...]:
    """Finish or roll back what dead processes left unfinished."""
    locks = locks_of(opened)
    recovered = recover(
        opened.repository,
        journal,
        listeners=listeners,
        is_alive=locks.is_alive,
        guard_of=lambda record: guard_of(opened, journal, record),
        now=now(),
    )
    locks.sweep(keep={record.id for record in journal.runs() if record.state in UNFINISHED})
    for run_id in dict.fromkeys(one.run_id for one in recovered):
        _remove_work_trees(opened, run_id)
    return recovered


def _remove_work_trees(opened: Opened, run_id: str) -> None:
    """Delete the work trees that a killed run left, also where only the settings it began with say where they are."""
    from gitalign.engine.check_site import remove_left_in_home

    homes = [opened.config.checks()]
    with suppress(CannotGoOn):
        homes.append(read_frozen(run_folder(opened.repository, run_id), current=opened.config).config.checks())
    for checks in homes:
        remove_left_in_home(checks, opened.repository.common_dir)


def take_over(opened: Opened, journal: SqlJournal, run_id: str) -> None:
    """Count the process of an unfinished run as gone, because the operator says so.

    Raises:
        UnknownRun, StoreError
        UserError: the run is not under way.
    """
    record = journal.run(run_id)
    if record.state not in UNFINISHED:
        raise UserError(f"run {record.id} is not under way: it is {record.state}", hint="git align runs")
    journal.take_over(record.id, owner=locks_of(opened).taken_over(record.id))


def frozen_for(opened: Opened, sockets: Sockets, house: HouseRules | None) -> Frozen:
    """What whoever goes on with a run has to know of its gate."""
    return Frozen(opened.config, rules_digest(house), sockets.given)


def guard_of(opened: Opened, journal: SqlJournal, record: RunRecord) -> Guard:
    """What must not move when a run is finished or undone: as it was when it began, or as it is now where that is not known."""
    while record.undoes is not None:
        record = journal.run(record.undoes)
    try:
        then = read_frozen(run_folder(opened.repository, record.id), current=opened.config).config
    except CannotGoOn:
        then = opened.config
    return Guard(opened.repository, then.alignment)


def gate_of(opened: Opened, run_id: str) -> Opened:
    """The repository with the settings that a run began with, for whoever goes on with it.

    Args:
        opened: with the settings that hold now.
        run_id: the run.

    Raises:
        OtherSettings: other settings were given for this very command.
        CannotGoOn: its gate cannot be applied.
        RulePackError, PluginError: something that the gate needs is missing.
    """
    return with_gate(opened, read_frozen(run_folder(opened.repository, run_id), current=opened.config))


def with_gate(opened: Opened, frozen: Frozen) -> Opened:
    """The repository with frozen settings; arguments and errors as for `gate_of`."""
    require_same(frozen.config, opened.config, explicit=opened.explicit)
    if frozen.plugins:
        raise CannotGoOn(f"a program started it with plug-ins of its own ({', '.join(frozen.plugins)})")
    then = replace(opened, config=frozen.config)
    if rules_digest(configured_rules(then)) != frozen.rules:
        raise CannotGoOn("its rule packs were changed since it began")
    return then


def sockets_of(config: Config) -> Sockets:
    """The plug-ins the configuration names."""
    from gitalign.engine.plugins import load_sockets

    return load_sockets(
        detectors=config.detection.detectors,
        refusing=config.detection.refusing(),
        documenter=config.alignment.documenter,
    )


def configured_rules(opened: Opened) -> HouseRules | None:
    """The house rules that the configuration names; None when it names none.

    Raises:
        RulePackError: a pack cannot be read, is malformed, or lies in a work tree, where a branch could change it.
    """
    settings = opened.config.rules
    if not settings.packs:
        return None
    from gitalign.engine.rules import HouseRules
    from gitalign.rules.load import load_packs

    origin = opened.config.origin("rules.packs")
    folder = Path(origin).parent if Path(origin).is_file() else Path()
    return HouseRules(
        packs=load_packs(settings.packs, folder=folder, forbidden=work_trees(opened.repository)),
        refuses_must=settings.refuse == "must",
        timeout_s=opened.config.limits().detection_timeout_s,
    )


@contextmanager
def journal_of(opened: Opened) -> Iterator[SqlJournal]:
    """The repository's journal, made when it is not there yet.

    Raises:
        StoreError
    """
    repository = opened.repository
    try:
        share_folder(repository.state_dir, sharing(repository))
    except OSError as error:
        raise StoreError(
            f"cannot make {repository.state_dir}: {error.strerror}", hint="make the git directory writable"
        ) from error
    journal = open_journal(database(repository))
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def event_stream(
    opened: Opened, journal: SqlJournal, run_id: str, listeners: Sequence[Listener]
) -> Iterator[EventStream]:
    """The event stream of one run, with its journal, log, audit trail and branch logs behind it."""
    folder = run_folder(opened.repository, run_id)
    make_folder(folder)
    settings = opened.config.orchestration
    durable = JournalListener(journal)
    audit = AuditTrail(folder / "audit.jsonl") if settings.audit_trail_enabled else None
    logs = BranchLogs(folder / "logs") if settings.log_per_branch else None
    log = RunLog(folder / "run.log", level=settings.log_level)
    followers: list[Listener] = [durable, log, *(one for one in (audit, logs) if one is not None), *listeners]
    try:
        yield EventStream(run_id, now, followers)
    finally:
        _close(durable.flush, *(one.close for one in (log, audit, logs) if one is not None))


def _close(*ends: Callable[[], None]) -> None:
    """End the followers of a run, every one: what they cannot write is a warning, and what the run did stands."""
    for end in ends:
        try:
            end()
        except (OSError, StoreError) as error:
            _LOG.warning("the log of this run is not complete: %s", error)


def has_state(opened: Opened) -> bool:
    """True when something was run in the repository before."""
    return database(opened.repository).exists()


def require_state(opened: Opened, run_id: str) -> None:
    """Refuse to look for a run where nothing was ever run, without making a journal.

    Raises:
        UnknownRun
    """
    if not has_state(opened):
        raise UnknownRun(f"no run {run_id!r}: nothing was ever run here", hint="git align run")


def database(repository: Repository) -> Path:
    """Where the journal is."""
    return repository.state_dir / "gitalign.db"


def locks_of(opened: Opened) -> RunLocks:
    """The locks that say which runs of the repository are under way."""
    return RunLocks(opened.repository.state_dir)


def new_run_id(at: datetime) -> RunId:
    """An id that sorts by time and is taken by nobody."""
    return RunId(f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")


def now() -> datetime:
    """The time in UTC; the one clock of a run."""
    return datetime.now(UTC)
