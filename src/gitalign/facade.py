"""Whole use cases, one function each: shared by the command line, the library and every later surface.

Nothing here knows a terminal. Every function opens the repository, does its work and leaves no process behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from gitalign import wire
from gitalign.core.categories import Categorized
from gitalign.core.certificate import Proof
from gitalign.core.forecast import Forecast
from gitalign.core.names import HEADS
from gitalign.core.outcome import Finding
from gitalign.core.plan import Permit, Plan, StepKind, Target
from gitalign.core.publication import MoveState, Publication
from gitalign.core.report import Report
from gitalign.core.rules import Compliance, RulePack
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.move import Checkpoint, no_checkpoint
from gitalign.engine.observers import observing
from gitalign.engine.prepare import graph_of
from gitalign.engine.retention import PruneReport
from gitalign.engine.retention import prune as remove_old
from gitalign.engine.session import (
    Opened,
    carry_out,
    configured_rules,
    event_stream,
    has_state,
    journal_of,
    make_plan,
    new_run_id,
    now,
    open_for,
    recover_dead,
    require_state,
    run_folder,
    sockets_of,
    stored_report,
)
from gitalign.engine.session import Request as Request
from gitalign.engine.signals import StopSignal
from gitalign.engine.stream import EventStream
from gitalign.errors import NotPermitted, UserError
from gitalign.ports import Listener
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.owner import owner_is_alive, this_owner

if TYPE_CHECKING:
    from gitalign.batch.execution_plan import ExecutionPlan
    from gitalign.engine.doctor import Diagnosis


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


def plan(request: Request) -> Plan:
    """What a run would do, branch by branch, and why. Changes nothing (with `fetch`, remote-tracking refs only).

    Raises:
        UserError: bad configuration, branch list or targets.
        GitError, RemoteError, StoreError
    """
    return make_plan(open_for(request), request)


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
    opened = open_for(request)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, listeners)
        made = plan if plan is not None else make_plan(opened, request)
        leave = replace(permit, plan_id=made.id) if permit.plan_id == "*" else permit
        if leave.plan_id != made.id:
            raise NotPermitted("the permit is for another plan", hint="give leave for this plan: git align run --yes")
        return carry_out(
            opened,
            made,
            leave,
            journal=journal,
            listeners=listeners,
            stop=stop or StopSignal(),
            checkpoint=checkpoint,
            fetched=request.fetch,
        )


def categorize(
    request: Request, *, plan: Plan | None = None, as_of: datetime | None = None, clusters: bool = True
) -> Categorized:
    """Where every branch belongs and why, measured, flagged and clustered. Changes nothing.

    Args:
        request: `only` and `fetch` as for `plan`; a branch list is not looked at, since one is being made.
        plan: made earlier; its commits are looked at, whatever targets it gives them.
        as_of: the day ages are counted to; now by default. The same repository and day give the same answer.
        clusters: put branches together that are alike; needs the extra `cluster`.

    Raises:
        UserError, ConfigError, GitError, RemoteError, OutOfSpace
    """
    from gitalign.engine.categorize import categorize as weigh

    opened = open_for(request)
    made = plan or make_plan(opened, replace(request, input=None), whatever_is_checked_out=True)
    return weigh(
        opened.repository,
        made,
        graph_of(opened.repository, made),
        opened.config.categorization,
        as_of=as_of or now(),
        clusters=clusters,
    )


def forecast(
    request: Request,
    *,
    plan: Plan | None = None,
    against: Sequence[str] = (),
    pairs: bool = False,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Forecast:
    """What a run would come to, without moving anything: the same integration, stopped before it publishes.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        against: targets to try every branch on; empty for the target each branch belongs to.
        pairs: find out, too, which branches clash with one another once aligned.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError, GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.execute import require_space
    from gitalign.engine.forecast import forecast as foresee_all

    opened = open_for(request)
    made = plan if plan is not None else make_plan(opened, request)
    require_space(opened.repository)
    at = now()
    with journal_of(opened) as journal:
        return foresee_all(
            opened.repository,
            made,
            graph_of(opened.repository, made),
            against=against,
            pairs=pairs,
            limits=opened.config.limits(),
            sockets=sockets_of(opened.config),
            memory=journal,
            emit=EventStream("forecast", now, listeners),
            stop=stop or StopSignal(),
            at=at,
        )


def order(
    request: Request,
    *,
    plan: Plan | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> ExecutionPlan:
    """In which order, and which together, branches should land so that the fewest stop for a person. Moves nothing.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError: also when dependencies go round in a circle.
        GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.execute import require_space
    from gitalign.engine.order import order as put_in_order

    opened = open_for(request)
    made = plan if plan is not None else make_plan(opened, request)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        return put_in_order(
            opened.repository,
            made,
            graph_of(opened.repository, made),
            dependencies=opened.config.landing.dependencies,
            limits=opened.config.limits(),
            sockets=sockets_of(opened.config),
            memory=journal,
            emit=EventStream("order", now, listeners),
            stop=stop or StopSignal(),
            at=now(),
        )


def resume(
    request: Request, *, listeners: Sequence[Listener] = (), stop: StopSignal | None = None
) -> tuple[Report, ...]:
    """Finish or roll back every run that was cut off, then go on with those that were stopped before they published.

    Returns:
        Reports of the runs that were recovered or went on; empty when there was nothing to do.
    """
    opened = open_for(request)
    if not has_state(opened):
        return ()
    button = stop or StopSignal()
    reports: list[Report] = []
    with journal_of(opened) as journal:
        recovered = recover_dead(opened, journal, listeners)
        reports += [
            stored_report(opened, journal, run_id)
            for run_id in dict.fromkeys(one.run_id for one in recovered)
            if any(one.state is not MoveState.ROLLED_BACK for one in journal.publications(run_id))
        ]
        for record in journal.runs():
            if record.kind is RunKind.ALIGN and record.state is RunState.INTERRUPTED and not button.stop_requested:
                stored = wire.load_plan(journal.plan_json(record.id))
                reports.append(
                    carry_out(
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
    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, listeners)
        undone = journal.run(run_id)
        started = now()
        new_id = new_run_id(started)
        with (
            observing(opened.config.telemetry, opened.repository, measured=False) as observers,
            event_stream(opened, journal, new_id, [*listeners, *observers.listeners]) as emit,
        ):
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
        return stored_report(opened, journal, new_id)


def undo_preview(request: Request, run_id: str) -> tuple[Publication, ...]:
    """What `undo` would move, and what it would leave and why. Changes nothing."""
    from gitalign.engine.undo import preview

    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        return preview(opened.repository, journal, journal.run(run_id).id, only=request.only)


def runs(request: Request) -> tuple[RunRecord, ...]:
    """Every run of the repository, newest first. Changes nothing."""
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return journal.runs()


def show(request: Request, run_id: str = "last") -> Report:
    """The report of one run, by id, unambiguous prefix or `last`.

    Raises:
        UnknownRun
    """
    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        return stored_report(opened, journal, journal.run(run_id).id)


def detect(
    request: Request, *, onto: str, branch: str, after: str, paths: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """What the configured detectors find in a result somebody made of a branch and a target. Changes nothing.

    Args:
        request: which repository.
        onto: the target: any name git knows a commit by.
        branch: the branch as it was.
        after: the result.
        paths: only findings at these paths, and those without one; None for all.

    Raises:
        UserError: a name is none of a commit.
        GitError, PluginError
    """
    from gitalign.engine.detection import detect_between

    opened = open_for(request)
    found = detect_between(
        opened.repository,
        sockets_of(opened.config).detectors,
        onto=onto,
        branch=branch,
        after=after,
        timeout_s=opened.config.limits().integration_timeout_s,
    )
    wanted = None if paths is None else set(paths)
    return tuple(one for one in found if wanted is None or one.path is None or one.path in wanted)


def rule_packs(request: Request, packs: Sequence[str] = ()) -> tuple[RulePack, ...]:
    """Rule packs by name or file; without names the configured ones, or those that are built in. Changes nothing.

    Raises:
        RulePackError, ConfigError
    """
    from gitalign.rules.load import built_in_names, load_packs

    if packs:
        return load_packs(packs, folder=Path())
    configured = configured_rules(open_for(request))
    return configured.packs if configured is not None else load_packs(built_in_names(), folder=Path())


def check_rules(
    request: Request, *, branches: Sequence[str] = (), packs: Sequence[str] = (), target: str | None = None
) -> tuple[Compliance, ...]:
    """What the house rules say of branches as they stand. Changes nothing.

    Args:
        request: which repository, and which branches when none are named.
        branches: by name; all that would be planned when empty.
        packs: names of built-in packs or files; the configured ones when empty.
        target: what to compare with, by any name git knows a commit by; each branch's own target when None.

    Raises:
        UserError: no rules are configured or named; a branch is not there or has no target.
        RulePackError, ConfigError, GitError
    """
    from gitalign.engine.rules import HouseRules, judge_as_they_stand

    opened = open_for(request)
    timeout_s = opened.config.limits().detection_timeout_s
    house = (
        HouseRules(packs=rule_packs(request, packs), refuses_must=True, timeout_s=timeout_s)
        if packs
        else configured_rules(opened)
    )
    if house is None:
        raise UserError("no house rules are configured", hint="git align rules check --pack python")
    made = make_plan(opened, request, whatever_is_checked_out=True)
    return judge_as_they_stand(opened.repository, made, branches=branches, target=target, house=house)


class ReportFormat(StrEnum):
    """Forms in which a run is written up."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"


def write_up(request: Request, run_id: str = "last", *, form: ReportFormat) -> str:
    """A run written up, from journal and repository. Changes nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        form: of the text.

    Raises:
        UnknownRun, GitError
    """
    opened = open_for(request)
    found = show(request, run_id)
    match form:
        case ReportFormat.MARKDOWN:
            from gitalign.views.report_markdown import report_markdown

            return report_markdown(found)
        case ReportFormat.JSON:
            return wire.dumps_report(found, indent=2) + "\n"
        case ReportFormat.JUNIT:
            from gitalign.views.junit import junit

            return junit(found)
        case ReportFormat.SARIF:
            from gitalign.views.sarif import sarif

            return sarif(found)
        case ReportFormat.HTML:
            return _page_of(opened, found)
        case _ as never:
            assert_never(never)


def _page_of(opened: Opened, found: Report) -> str:
    from gitalign.engine.range_diffs import range_diffs
    from gitalign.engine.summaries import summaries
    from gitalign.views.report import report_page, timeline

    with journal_of(opened) as journal:
        events = journal.events(found.run.id)
    told = summaries(opened.repository, found)
    place = Path(opened.repository.common_dir)
    return report_page(
        found,
        name=place.parent.name if place.name == ".git" else place.name,
        summaries=told,
        timeline=timeline(events),
        range_diffs=range_diffs(opened.repository, told),
    )


def write_summaries(request: Request, run_id: str = "last", *, folder: Path) -> tuple[Path, ...]:
    """Write `<branch>_CHANGES_SUMMARY.md` and the same as JSON for every branch of a run; the Markdown files.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        folder: made when it is not there.

    Raises:
        UnknownRun, GitError, OutOfSpace
    """
    from gitalign.engine.summaries import summaries
    from gitalign.engine.summaries import write_summaries as write

    opened = open_for(request)
    return tuple(write(folder, summaries(opened.repository, show(request, run_id))))


def verify(
    request: Request, run_id: str = "last", *, branch: str | None = None, certificates: Path | None = None
) -> tuple[Proof, ...]:
    """Prove the certificates of a run again, from the repository alone. Changes nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`; not looked at when a file is given.
        branch: only this one.
        certificates: a file as a run writes it, instead of the run's own.

    Raises:
        UnknownRun
        UserError: no certificates, or none of that branch.
    """
    from gitalign.engine.certify import FILE, prove_again, read

    opened = open_for(request)
    place = certificates
    if place is None:
        require_state(opened, run_id)
        with journal_of(opened) as journal:
            place = run_folder(opened.repository, journal.run(run_id).id) / FILE
    found = read(place)
    if branch is not None:
        found = tuple(one for one in found if one.ref == f"{HEADS}{branch}")
        if not found:
            raise UserError(f"no certificate of {branch}: only aligned branches have one", hint="git align show last")
    return prove_again(opened.repository, found)


def prune(
    request: Request, *, older_than_days: int | None = None, backups: bool = False, dry_run: bool = False
) -> PruneReport:
    """Remove pins, and on request backups, of runs older than the retention; never the only way back of a younger one."""
    opened = open_for(request)
    days = opened.config.alignment.retention_days if older_than_days is None else older_than_days
    with journal_of(opened) as journal:
        if not dry_run:
            recover_dead(opened, journal, ())
        return remove_old(
            opened.repository, journal, older_than=timedelta(days=days), now=now(), backups=backups, dry_run=dry_run
        )


def doctor(request: Request) -> tuple[Diagnosis, ...]:
    """Check git, the repository, the store, the disk, work trees and settings. Changes nothing and does not raise for what it finds."""
    from gitalign.engine.doctor import examine

    def journal(state_dir: Path) -> SqlJournal | None:
        return open_journal(state_dir / "gitalign.db") if (state_dir / "gitalign.db").exists() else None

    return examine(request.repo, load=lambda: configured_rules(open_for(request)), journal=journal)


def status(request: Request) -> Status:
    """Where things stand, and what to type next. Changes nothing."""
    opened = open_for(request)
    made = make_plan(opened, replace(request, fetch=False, push=False))
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
