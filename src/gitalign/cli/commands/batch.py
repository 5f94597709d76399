"""The verbs of batches: plan tasks, run them, look at them, stop them, land them."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from gitalign import facade
from gitalign.cli.asking import asked, may_ask
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import Group, verb
from gitalign.core.names import display
from gitalign.core.plan import Permit
from gitalign.errors import NotPermitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitalign.batches.planning.plan import BatchPlan
    from gitalign.batches.reading import PlanSource
    from gitalign.batches.running.context import BatchListener
    from gitalign.batches.running.state import BatchRun
    from gitalign.batches.running.state import Request as Asked
    from gitalign.engine.run.contexts import Caller

_FOLLOW_EVERY_S = 0.3


class Confined(StrEnum):
    """Whether tasks are confined."""

    REQUIRE = "require"
    PREFER = "prefer"
    NONE = "none"


File = Annotated[
    Path,
    argument(
        help="Tasks (YAML, TOML, JSON), a tasks.md of spec-kit, a batch plan, or the plan of order.", metavar="FILE"
    ),
]
BatchId = Annotated[str, argument(help="Batch run: its id, the beginning of one, or last.", metavar="[ID]")]
NamedBatch = Annotated[str, argument(help="Batch run: its id, the beginning of one, or last.", metavar="ID")]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a plan is made from, beside its file."""

    tasks: Annotated[
        Path | None,
        option("--tasks", help="Tasks, for a plan that does not say how they are run.", metavar="FILE"),
    ] = None
    command: Annotated[
        str | None,
        option(
            "--command",
            help="Command for tasks that have none. {id} and {title} stand for the task's.",
            metavar="COMMAND",
        ),
    ] = None
    target: Annotated[
        str | None,
        option("--target", help="Branch that results land on.", shown_default="the one in the file", metavar="BRANCH"),
    ] = None
    commit_leftovers: Annotated[
        bool,
        option("--commit-leftovers", help="Commit what tasks leave uncommitted, whatever the file says."),
    ] = False
    most_tasks: Annotated[
        int | None, option("--most-tasks", help="Most tasks in one batch.", bounds=(1, 10_000), metavar="N")
    ] = None

    def of(self, file: Path) -> PlanSource:
        """The source with its file."""
        from gitalign.batches.planning.make_plan import PlanRules
        from gitalign.batches.reading import PlanSource

        return PlanSource(
            file=file,
            tasks=self.tasks,
            command=shlex.split(self.command) if self.command is not None else (),
            target=self.target,
            commit_leftovers=self.commit_leftovers,
            rules=PlanRules(most_tasks=self.most_tasks),
        )


@dataclass(frozen=True, kw_only=True)
class Running:
    """How tasks are run."""

    max_concurrency: Annotated[
        int, option("--max-concurrency", help="Tasks side by side.", bounds=(1, 256), metavar="N")
    ] = 3
    confinement: Annotated[
        Confined,
        option("--confinement", help="Keep tasks away from all but their work tree: require, prefer or none."),
    ] = Confined.PREFER
    no_network: Annotated[bool, option("--no-network", help="Confined tasks cannot use the network.")] = False
    readable: Annotated[
        tuple[str, ...],
        option(
            "--readable",
            help="A file or folder that confined tasks may read; may be given several times.",
            metavar="PATH",
        ),
    ] = ()
    squash: Annotated[bool, option("--squash", help="Land each result as one commit, not as a merge.")] = False

    def options(self, *, lands: bool = True, again: bool = False) -> facade.BatchOptions:
        """The facade's options."""
        return facade.BatchOptions(
            max_concurrency=self.max_concurrency,
            confinement=str(self.confinement),
            network=not self.no_network,
            readable=self.readable,
            squash=self.squash,
            lands=lands,
            again=again,
        )


Land = Annotated[
    bool, option("--land/--no-land", help="Land each batch when its tasks have completed, or leave it for later.")
]
Again = Annotated[bool, option("--again", help="Run a plan again that has completed before.")]
Output = Annotated[Path | None, option("--output", "-o", help="Write the plan to this file.", metavar="FILE")]
DryRun = Annotated[bool, option("--dry-run", help="Show what would be removed.")]
Follow = Annotated[bool, option("--follow", "-f", help="Go on until the task ends.")]
TaskName = Annotated[str, argument(help="Task id.", metavar="TASK")]
TaskNames = Annotated[
    tuple[str, ...], argument(help="Tasks that run again besides those that failed.", metavar="[TASK]...")
]


@verb(without=("yes",))
def plan(file: File, source: Source, output: Output = None, *, options: Options) -> int:
    """Show which tasks would run side by side, in which order, and why. Nothing runs."""
    from gitalign.batches.planning.plan_document import to_dict

    if output is not None:
        require_writable(output)
    planned = facade.plan_batches(options.request(), source.of(file))
    document = to_dict(planned)
    if output is not None:
        write_whole(output, json.dumps(document, indent=2) + "\n")
    if options.json:
        emit_json("batch-plan", document)
    elif not options.quiet:
        rendering.show_batch_plan(console(), planned, commands=options.verbose)
    return 0


@verb(acts=True)
def run(file: File, source: Source, how: Running, *, land: Land = True, again: Again = False, options: Options) -> int:
    """Run tasks in work trees of their own, and land each batch as a whole.

    All commands are shown first, and you are asked. The exit code is 1 when not everything has landed.
    """
    request = options.request()
    planned = facade.plan_batches(request, source.of(file))
    wanted = how.options(lands=land, again=again)
    if not _confirmed(options, planned, facade.confinement_words(request, wanted)):
        return 1
    permit = Permit(plan_id=facade.plan_digest(planned), given_by="--yes" if options.yes else "prompt")
    return _carried_out(
        options,
        lambda caller, listeners: facade.start_batches(
            request, planned, permit=permit, options=wanted, caller=caller, listeners=listeners
        ),
    )


@verb(acts=True)
def resume(batch_id: NamedBatch, *, land: Land = True, options: Options) -> int:
    """Go on with a batch run that was paused, stopped, cancelled or killed.

    Its commands were confirmed when it began; its tasks are confined as they were then.
    """
    from gitalign.batches.running.state import Request as Asked

    request = options.request()
    if facade.batch_status(request, batch_id).is_alive:
        return _ask(options, batch_id, Asked.NONE)
    return _resumed(options, batch_id, facade.BatchOptions(lands=land))


@verb(acts=True)
def land(batch_id: NamedBatch, options: Options) -> int:
    """Land a batch whose landing was left for later, and go on with the rest."""
    return _resumed(options, batch_id, facade.BatchOptions())


@verb(acts=True)
def retry(batch_id: NamedBatch, tasks: TaskNames = (), *, land: Land = True, options: Options) -> int:
    """Run again what failed in a batch run, and what is named. Other results stay."""
    request = options.request()
    view = facade.batch_status(request, batch_id)
    if not asked(options, f"Run the failed tasks of batch run {view.run.id} again?"):
        return 1
    facade.retry_batches(request, view.run.id, tasks)
    return _resumed(options, view.run.id, facade.BatchOptions(lands=land))


@verb(paged=True, without=("yes",))
def status(batch_id: BatchId = "last", *, options: Options) -> int:
    """Show how a batch run stands, task by task."""
    from gitalign.batches.running.state_document import content_of

    view = facade.batch_status(options.request(), batch_id)
    if options.json:
        emit_json("batch-run", content_of(view.run))
    else:
        rendering.show_batch_run(console(), view, everything=options.verbose)
    return 0


@verb("list", paged=True, without=("yes",))
def list_runs(*, options: Options) -> int:
    """List every batch run, newest first."""
    from gitalign.batches.running.state_document import content_of

    views = facade.batch_list(options.request())
    if options.json:
        emit_json("batch-runs", {"batch_runs": [content_of(view.run) for view in views]})
    else:
        rendering.show_batch_runs(console(), views)
    return 0


@verb(without=("yes", "json"))
def logs(batch_id: NamedBatch, task: TaskName, *, follow: Follow = False, options: Options) -> int:
    """Show what a task has written so far."""
    request = options.request()
    batch_id = facade.batch_status(request, batch_id).run.id
    shown = 0
    while True:
        view = facade.batch_status(request, batch_id)
        text = facade.batch_log(request, batch_id, task)
        click.echo(text[shown:], nl=False)
        sys.stdout.flush()
        shown = len(text)
        if not follow or not view.is_alive or view.run.tasks[task].finished_at is not None:
            return 0
        time.sleep(_FOLLOW_EVERY_S)


@verb(acts=True, without=("yes",))
def pause(batch_id: BatchId = "last", *, options: Options) -> int:
    """Start no further task of a batch run; `resume` goes on."""
    from gitalign.batches.running.state import Request as Asked

    return _ask(options, batch_id, Asked.PAUSE)


@verb(acts=True, without=("yes",))
def stop(batch_id: BatchId = "last", *, options: Options) -> int:
    """End a batch run when its running tasks have ended."""
    from gitalign.batches.running.state import Request as Asked

    return _ask(options, batch_id, Asked.STOP)


@verb(acts=True, without=("yes",))
def cancel(batch_id: BatchId = "last", *, options: Options) -> int:
    """End the running tasks of a batch run. Their uncommitted work is kept."""
    from gitalign.batches.running.state import Request as Asked

    return _ask(options, batch_id, Asked.CANCEL)


@verb(acts=True, without=("yes",))
def prune(*, dry_run: DryRun = False, options: Options) -> int:
    """Remove work trees that hold nothing of value.

    What killed runs left in theirs is pinned first. Refs and logs of batch runs stay.
    """
    trees = facade.prune_batch_trees(options.request(), dry_run=dry_run)
    if options.json:
        emit_json("batch-trees", rendering.trees_document(trees))
    elif not options.quiet:
        rendering.show_batch_trees(console(), trees)
    return 0


def _confirmed(options: Options, planned: BatchPlan, confinement: str) -> bool:
    """Whether the operator agrees to what is executed.

    Raises:
        NotPermitted: no one can be asked.
    """
    if not options.json and not options.quiet:
        rendering.show_batch_plan(console(stderr=True), planned, commands=True)
        console(stderr=True).print(safe(f"confinement: {confinement}"))
    if not options.yes and (options.json or not may_ask()):
        raise NotPermitted(
            "this would execute the commands of the plan, and there is no terminal to ask at",
            hint="look at them with: git align batch plan --verbose FILE; then add --yes",
        )
    target = planned.task_list.target if planned.task_list is not None else None
    where = f" and land the results on {display(target)}" if target is not None else ""
    return asked(options, f"Execute these commands{where}?")


def _resumed(options: Options, batch_id: str, wanted: facade.BatchOptions) -> int:
    request = options.request()
    return _carried_out(
        options,
        lambda caller, listeners: facade.resume_batches(
            request, batch_id, options=wanted, caller=caller, listeners=listeners
        ),
    )


def _carried_out(options: Options, carry_out: Callable[[Caller, Sequence[BatchListener]], BatchRun]) -> int:
    """Run, with progress, until it ends or is stopped; the exit code."""
    from gitalign.batches.running.state import Status
    from gitalign.batches.running.state_document import content_of
    from gitalign.engine.run.contexts import Caller
    from gitalign.engine.runtime.signals import StopSignal, handling_signals
    from gitalign.engine.runtime.surroundings import utc_now

    signals = StopSignal()
    begun = utc_now()
    listeners = [] if options.quiet or options.json else [rendering.EventLines()]
    with handling_signals(signals):
        ended = carry_out(Caller(stop=signals), listeners)
    if options.json:
        emit_json("batch-run", content_of(ended))
    elif not options.quiet:
        if ended.finished_at is not None and ended.finished_at < begun:
            console().print("this plan has completed before; --again runs it again")
        rendering.show_batch_run(console(), facade.BatchView(ended, False))
    if signals.stop_requested and ended.status is not Status.COMPLETED:
        return 130
    return 0 if ended.status is Status.COMPLETED else 1


def _ask(options: Options, batch_id: str, request: Asked) -> int:
    view = facade.ask_batch(options.request(), batch_id, request)
    if options.json:
        from gitalign.batches.running.state_document import content_of

        emit_json("batch-run", content_of(view.run))
    elif not options.quiet:
        console().print(f"batch run {view.run.id} was asked to {request.value or 'go on'}")
    return 0


batch = Group(
    "batch",
    plan,
    run,
    status,
    logs,
    list_runs,
    pause,
    resume,
    stop,
    cancel,
    retry,
    land,
    prune,
    help="Run tasks in work trees of their own; land them together.",
)
