"""Before a run: where things stand, what would happen, what will clash, what should land first. Nothing here moves a branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.categories import Categorized
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.core.plan import Plan, StepKind, Target, TargetNote
from gitalign.core.programs import Program
from gitalign.core.rules import Compliance, RulePack
from gitalign.core.run import RunRecord, RunState
from gitalign.core.selection import target_fault
from gitalign.core.validation import ValidationPlan
from gitalign.core.working_set import only_on_remotes
from gitalign.engine.alignment.auto_resolvers import resolving
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import configured_rules, journal_of, make_plan, open_for, sockets_of
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream
from gitalign.errors import UserError
from gitalign.facade.after import runs
from gitalign.facade.forecasting import settling
from gitalign.facade.next_step import merged_count, next_command
from gitalign.ports import Journal, Listener
from gitalign.store.journal import open_journal

if TYPE_CHECKING:
    from gitalign.engine.analysis.doctor import Diagnosis
    from gitalign.landing.execution_plan import ExecutionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a repository stands.

    Attributes:
        target_notes: why each target is one.
        fault: why branches cannot be planned without asking for the targets; empty when they can.
        to_align: branches a run would work on.
        up_to_date: branches that need nothing: they contain their target, or are merged.
        merged: branches of which every commit is in their target.
        only_on_remotes: feature branches that are not local, by the name of the remote.
        next_command: what to type next; empty when nothing is left to do.
    """

    repository: str
    targets: tuple[Target, ...]
    target_notes: tuple[TargetNote, ...]
    fault: str
    to_align: int
    up_to_date: int
    excluded: int
    unfinished: tuple[RunRecord, ...]
    last: RunRecord | None
    only_on_remotes: tuple[tuple[str, int], ...]
    next_command: str
    merged: int = 0


def status(request: Request) -> Status:
    """Where things stand, and what to type next. Changes nothing."""
    opened = open_for(request)
    made = make_plan(opened, replace(request, fetch=False, push=False, needs_branches=False))
    history: tuple[RunRecord, ...] = runs(request)
    unfinished = tuple(
        record
        for record in history
        if record.state in (RunState.INTEGRATING, RunState.PUBLISHING, RunState.INTERRUPTED)
    )
    to_align = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) for step in made.steps)
    merged = merged_count(opened.repository, made)
    elsewhere = only_on_remotes(made.snapshot, [target.name for target in made.targets])
    fault = target_fault(made)
    return Status(
        repository=opened.repository.work_tree or opened.repository.common_dir,
        targets=made.targets,
        target_notes=made.target_notes,
        fault=fault.message if fault is not None else "",
        to_align=to_align,
        up_to_date=len(made.steps) - to_align,
        excluded=len(made.excluded),
        unfinished=unfinished,
        last=history[0] if history else None,
        only_on_remotes=elsewhere,
        next_command=next_command(
            opened, made, history=history, unfinished=unfinished, elsewhere=elsewhere, fault=fault, merged=merged
        ),
        merged=merged,
    )


def plan(request: Request, *, whatever_is_checked_out: bool = False) -> Plan:
    """What a run would do, branch by branch, and why. Changes nothing (with `fetch`, remote-tracking refs only).

    Args:
        request: what is asked.
        whatever_is_checked_out: take in branches that could not be moved now because a work tree holds them, as `conflicts` does.

    Raises:
        UserError: bad configuration, branch list or targets.
        GitError, RemoteError, StoreError
    """
    return make_plan(open_for(request), request, whatever_is_checked_out=whatever_is_checked_out)


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
    from gitalign.engine.analysis.categorize import categorize as weigh

    opened = open_for(request)
    made = plan or make_plan(opened, replace(request, input=None), whatever_is_checked_out=True)
    return weigh(
        opened.repository,
        made,
        graph_of(opened.repository, made),
        opened.config.categorization,
        as_of=as_of or opened.now(),
        clusters=clusters,
    )


def conflicts(
    request: Request,
    *,
    plan: Plan | None = None,
    branch: str | None = None,
    furthest: bool = True,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Conflicts:
    """The conflicts a run would meet, grouped by clash; taken from memory where earlier runs and forecasts found them. Moves nothing.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        branch: tell all about this one.
        furthest: find out, too, which commit of its target stops each first; where one branch is asked for, of that one alone.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError: also when there is no such branch.
        GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.analysis.conflicts import find_conflicts
    from gitalign.engine.run.execute import require_space

    opened = open_for(request)
    made = plan if plan is not None else make_plan(opened, request, whatever_is_checked_out=True)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        return find_conflicts(
            opened.repository,
            made,
            graph_of(opened.repository, made),
            branch=branch,
            furthest=furthest,
            limits=opened.config.limits(),
            memory=journal,
            emit=EventStream("conflicts", opened.now, listeners),
            stop=stop or StopSignal(),
            at=opened.now(),
        )


def conflict_detail(
    request: Request, *, plan: Plan, conflict: BranchConflict, stop: StopSignal | None = None
) -> ConflictDetail:
    """All about one of the conflicts that `conflicts` found, without looking for the others again. Moves nothing.

    Args:
        request: as for `conflicts`.
        plan: what they were found for.
        conflict: which.
        stop: the stop button.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    from gitalign.engine.analysis.conflicts import look_at_conflict

    opened = open_for(request)
    limits = opened.config.limits()
    return look_at_conflict(opened.repository, plan, conflict, limits=limits, stop=stop or StopSignal())


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
    from gitalign.engine.run.execute import require_space
    from gitalign.landing.order import order as put_in_order

    opened = open_for(request)
    made = plan if plan is not None else make_plan(opened, request)
    require_space(opened.repository)
    button = stop or StopSignal()
    with (
        journal_of(opened) as journal,
        resolving(settling(opened, journal, button), made.policy, sockets_of(opened.config)) as sockets,
    ):
        return put_in_order(
            opened.repository,
            made,
            graph_of(opened.repository, made),
            dependencies=opened.config.landing.dependencies,
            limits=opened.config.limits(),
            sockets=sockets,
            memory=journal,
            emit=EventStream("order", opened.now, listeners),
            stop=button,
            at=opened.now(),
        )


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
    request: Request,
    *,
    plan: Plan | None = None,
    branches: Sequence[str] = (),
    packs: Sequence[str] = (),
    target: str | None = None,
) -> tuple[Compliance, ...]:
    """What the house rules say of branches as they stand. Changes nothing.

    Args:
        request: which repository, and which branches when none are named.
        plan: made earlier, of the branches to choose from.
        branches: by name; all that would be planned when empty.
        packs: names of built-in packs or files; the configured ones when empty.
        target: what to compare with, by any name git knows a commit by; each branch's own target when None.

    Raises:
        UserError: no rules are configured or named; a branch is not there or has no target.
        RulePackError, ConfigError, GitError
    """
    from gitalign.engine.gates.repository_rules import RepositoryRules, judge_as_they_stand

    opened = open_for(request)
    timeout_s = opened.config.limits().detection_timeout_s
    house = (
        RepositoryRules(packs=rule_packs(request, packs), refuses_must=True, timeout_s=timeout_s)
        if packs
        else configured_rules(opened)
    )
    if house is None:
        raise UserError("no house rules are configured", hint="git align rules check --pack python")
    made = plan if plan is not None else make_plan(opened, request, whatever_is_checked_out=True)
    return judge_as_they_stand(opened.repository, made, branches=branches, target=target, house=house)


def doctor(request: Request) -> tuple[Diagnosis, ...]:
    """Check git, the repository, the store, the disk, work trees and settings. Changes nothing and does not raise for what it finds."""
    from gitalign.engine.analysis.doctor import examine

    def journal(state_dir: Path) -> Journal | None:
        return open_journal(state_dir / "gitalign.db") if (state_dir / "gitalign.db").exists() else None

    def programs() -> tuple[tuple[Program, ...], ValidationPlan]:
        config = open_for(request).config
        return config.resolutions.programs().all(), config.checks()

    def planned() -> Plan:
        asked = replace(request, input=None, only=(), fetch=False, push=False, needs_branches=False)
        return make_plan(open_for(asked), asked)

    return examine(
        request.repo,
        load=lambda: configured_rules(open_for(request)),
        journal=journal,
        programs=programs,
        plan=planned,
    )
