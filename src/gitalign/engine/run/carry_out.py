"""A plan carried through as a run: its record, its work, its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from gitalign.core.events import EventKind
from gitalign.core.names import StepId
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Permit, Plan
from gitalign.core.publication import UNSETTLED, MoveState
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunState
from gitalign.core.snapshot import Tip
from gitalign.documents import plans
from gitalign.engine.alignment.auto_resolvers import AutoResolution, resolving
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.recorded_run import new_record
from gitalign.engine.publishing.recovery import is_to_be_made_again
from gitalign.engine.publishing.retention import Retention
from gitalign.engine.publishing.retention import prune as remove_old
from gitalign.engine.publishing.waiting import waiting_pushes
from gitalign.engine.run.contexts import Caller, new_run
from gitalign.engine.run.execute import Executed, Orders, execute
from gitalign.engine.run.frozen_settings import frozen_for, keep_frozen
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.reports import kept, made_report, summarised
from gitalign.engine.run.session import OpenRepository, configured_plugins, configured_rules
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.limits import MemoryWatch, processor_s
from gitalign.engine.runtime.observers import observing
from gitalign.errors import GitError, RunTakenOver, StoreError
from gitalign.ports import Detector, Documenter, Journal

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """A program's own plug-ins for one run, beside those that the configuration names. Nothing moves that they refuse."""

    detector: Detector | None = None
    documenter: Documenter | None = None


NO_PLUGINS = Plugins()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a new run is to carry through.

    Attributes:
        opened: repository and settings.
        journal: of the repository.
        plan: the plan.
        permit: for exactly this plan.
        fetched: whether targets were fetched for this plan; for the log.
        given: results of steps that were made elsewhere.
        plugins: a program's own.
        tips: branches as they are now, read just before; None to read them.
    """

    opened: OpenRepository
    journal: Journal
    plan: Plan
    permit: Permit
    fetched: bool = False
    given: Mapping[StepId, StepResult] = field(default_factory=dict)
    plugins: Plugins = NO_PLUGINS
    tips: Sequence[Tip] | None = None


def carry_out(assignment: Assignment, caller: Caller) -> Report:
    """Carry a plan through as a new run and write its report.

    Args:
        assignment: the plan, and what it needs.
        caller: who asked for it.

    Raises:
        GitAlignError: the run as a whole could not go on; the journal says how far it got.
    """
    opened, journal, plan = assignment.opened, assignment.journal, assignment.plan
    # What is missing is reported before a run is written down that could not go on.
    Guard(opened.repository, opened.config.alignment).require_free(plan, assignment.tips)
    rules = configured_rules(opened)
    auto_resolution = AutoResolution(
        repository=opened.repository,
        config=opened.config,
        cache=journal,
        stop=caller.stop,
        surroundings=opened.surroundings,
    )
    given = assignment.plugins
    own = configured_plugins(opened.config).with_given(given.detector, given.documenter)
    with (
        resolving(auto_resolution, plan.policy, own) as plugins,
        observing(opened.config.telemetry, opened.repository, opened.surroundings) as observers,
    ):
        with new_run(opened, journal, caller.followed_by(observers.listeners), plugins=plugins) as run:
            report = _as_run(assignment, run, rules)
        report = _kept(assignment, report)
        observers.finished(report)
    return report


def _kept(assignment: Assignment, report: Report) -> Report:
    """The report as the journal has its run now, with change summaries where they are asked for, written down."""
    opened, journal = assignment.opened, assignment.journal
    report = replace(report, run=journal.run(report.run.id))
    if opened.config.alignment.summaries:
        report = summarised(opened.repository, report)
        journal.record_results(report.run.id, report.results, plan=assignment.plan)
    return kept(opened.repository, report)


def _as_run(assignment: Assignment, run: RunContext, rules: RepositoryRules | None) -> Report:
    """The run itself: its record, its work, its end."""
    opened, plan, journal = assignment.opened, assignment.plan, assignment.journal
    keep_frozen(run.folder, frozen_for(opened, run.plugins, rules))
    record = new_record(run, RunKind.ALIGN, plan_id=plan.id, total=len(plan.steps))
    journal.begin_run(record, plan_json=plans.text_of(plan))
    memory, used_before = MemoryWatch(), processor_s()
    run.emit(
        EventKind.RUN_STARTED,
        plan=plan.id,
        steps=len(plan.steps),
        excluded=len(plan.excluded),
        permit=assignment.permit.given_by,
    )
    if assignment.fetched:
        run.emit(EventKind.FETCHED, remote=opened.config.alignment.remote)
    try:
        executed = execute(run, _orders(assignment, rules))
    except BaseException as error:
        _ended_badly(run, error)
        raise
    report = made_report(journal.run(run.run_id), plan, executed, started=run.started_at, now=run.now(), memory=memory)
    report = _with_waiting(run, report)
    public = [words for _, _, words in plan.snapshot.public_targets]
    report = replace(
        report, processor_s=processor_s() - used_before, notices=(*report.notices, *public, *run.plugins.notices)
    )
    outcome = "interrupted" if executed.interrupted else ("ok" if report.exit_code() == 0 else "attention")
    journal.set_state(run.run_id, _end_state(plan, executed), outcome=outcome, finished_at=run.now())
    if opened.config.orchestration.auto_cleanup_backups and outcome == "ok":
        run.emit(EventKind.NOTICE, text="backup branches of this run are removed, as configured")
        what = Retention(older_than=timedelta(0), now=run.now(), backups=True, dry_run=False, only_run=run.run_id)
        remove_old(opened.repository, journal, what)
    run.emit(EventKind.RUN_FINISHED, outcome=outcome, moved=journal.run(run.run_id).moved)
    return report


def _with_waiting(run: RunContext, report: Report) -> Report:
    """The report with pushes of earlier runs that still wait; of what this run itself did not push, its verdicts tell."""
    own = {one.update.ref for one in report.publications if one.push in UNSETTLED}
    try:
        waiting = tuple(one for one in waiting_pushes(run.repository, run.journal) if one.update.ref not in own)
    except (GitError, StoreError) as error:  # all that was asked for is done
        note = f"it is not known whether pushes of earlier runs still wait ({error.message}): git align push --dry-run"
        return replace(report, notices=(*report.notices, note))
    return replace(report, waiting=waiting)


def _orders(assignment: Assignment, rules: RepositoryRules | None) -> Orders:
    opened, plan = assignment.opened, assignment.plan
    return Orders(
        plan=plan,
        history=partial(graph_of, opened.repository, plan, opened.history),
        permit=assignment.permit,
        guard=Guard(opened.repository, opened.config.alignment),
        given=assignment.given,
        rules=rules,
        checks=opened.config.checks(),
        access=opened.config.access.rules(),
        finds_furthest=opened.config.alignment.furthest,
        push=opened.config.pushing(),
        tips=assignment.tips,
    )


def _end_state(made: Plan, executed: Executed) -> RunState:
    """Where a run that raised nothing stands: stopped while publishing it stays so, for `resume` to finish."""
    if any(one.state is MoveState.INTENDED for one in executed.publications):
        return RunState.PUBLISHING
    again = not executed.publications or is_to_be_made_again(made, executed.publications)
    return RunState.INTERRUPTED if executed.interrupted and again else RunState.FINISHED


def _ended_badly(run: RunContext, error: BaseException) -> None:
    """Write down how a run ended that raised; a run that is publishing stays so, for `resume` to finish."""
    if isinstance(error, RunTakenOver):
        return  # how it ends is written down by the process that took it
    state = run.journal.run(run.run_id).state
    run.emit(EventKind.NOTICE, text=f"ended by {type(error).__name__}: {error}")
    if state is RunState.INTEGRATING:
        stopped = isinstance(error, KeyboardInterrupt)
        run.journal.set_state(
            run.run_id,
            RunState.INTERRUPTED if stopped else RunState.FAILED,
            outcome="interrupted" if stopped else "failed",
            finished_at=run.now(),
        )
