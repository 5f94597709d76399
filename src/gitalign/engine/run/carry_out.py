"""A plan carried through as a run: its record, its gate, its event stream, its report. And the gate of a run that goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from gitalign.core.events import EventKind
from gitalign.core.names import RunId, StepId
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Permit, Plan
from gitalign.core.publication import MoveState
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.documents import wire
from gitalign.engine.alignment.auto_resolvers import AutoResolution, resolving
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.move import Checkpoint, no_checkpoint
from gitalign.engine.publishing.recovery import is_to_be_made_again
from gitalign.engine.publishing.retention import prune as remove_old
from gitalign.engine.run.execute import Executed, RunContext, execute
from gitalign.engine.run.frozen_settings import CannotGoOn, Frozen, keep_frozen, read_frozen, require_same, rules_digest
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.reports import kept, made_report, summarised
from gitalign.engine.run.session import (
    OpenRepository,
    configured_rules,
    event_stream,
    locks_of,
    new_run_id,
    now,
    run_folder,
    sockets_of,
)
from gitalign.engine.runtime.limits import MemoryWatch
from gitalign.engine.runtime.observers import observing
from gitalign.engine.runtime.signals import StopSignal
from gitalign.ports import Detector, Documenter, Journal, Listener, Sockets

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """A program's own plug-ins for one run, beside those that the configuration names. Nothing moves that they refuse."""

    detector: Detector | None = None
    documenter: Documenter | None = None


NO_PLUGINS = Plugins()


def carry_out(
    opened: OpenRepository,
    made: Plan,
    permit: Permit,
    *,
    journal: Journal,
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
    settling = AutoResolution(repository=opened.repository, config=opened.config, memory=journal, stop=stop, at=now())
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
    opened: OpenRepository,
    made: Plan,
    permit: Permit,
    *,
    journal: Journal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint,
    fetched: bool,
    sockets: Sockets,
    house: RepositoryRules | None,
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
    opened: OpenRepository,
    made: Plan,
    permit: Permit,
    *,
    run_id: RunId,
    owner: str,
    started: datetime,
    journal: Journal,
    listeners: Sequence[Listener],
    stop: StopSignal,
    checkpoint: Checkpoint,
    fetched: bool,
    sockets: Sockets,
    house: RepositoryRules | None,
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
        crew = RunContext(
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
                partial(graph_of, opened.repository, made),
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
        journal.set_state(run_id, _end_state(made, executed), outcome=outcome, finished_at=now())
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


def _end_state(made: Plan, executed: Executed) -> RunState:
    """Where a run that raised nothing stands: stopped while publishing it stays so, for `resume` to finish."""
    if any(one.state is MoveState.INTENDED for one in executed.publications):
        return RunState.PUBLISHING
    again = not executed.publications or is_to_be_made_again(made, executed.publications)
    return RunState.INTERRUPTED if executed.interrupted and again else RunState.FINISHED


def _ended_badly(journal: Journal, run_id: str, emit: Callable[..., None], error: BaseException) -> None:
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


def frozen_for(opened: OpenRepository, sockets: Sockets, house: RepositoryRules | None) -> Frozen:
    """What whoever goes on with a run has to know of its gate."""
    return Frozen(opened.config, rules_digest(house), sockets.given)


def gate_of(opened: OpenRepository, run_id: str) -> OpenRepository:
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


def with_gate(opened: OpenRepository, frozen: Frozen) -> OpenRepository:
    """The repository with frozen settings; arguments and errors as for `gate_of`."""
    require_same(frozen.config, opened.config, explicit=opened.explicit)
    if frozen.plugins:
        raise CannotGoOn(f"a program started it with plug-ins of its own ({', '.join(frozen.plugins)})")
    then = replace(opened, config=frozen.config)
    if rules_digest(configured_rules(then)) != frozen.rules:
        raise CannotGoOn("its rule packs were changed since it began")
    return then
