"""Verbs that publish what runs moved, or take it back: push, undo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Json,
    Only,
    PushHooks,
    Quiet,
    Repo,
    RunId,
    Verbose,
    Yes,
    asked,
    carried_out,
    leave,
    overrides_of,
)
from gitalign.cli.working_set import Author, Exclude, OlderThan, Since, chosen

if TYPE_CHECKING:
    from gitalign.cli.advice import Advice
    from gitalign.core.publication import Publication
    from gitalign.core.report import Report
    from gitalign.core.run import RunRecord
    from gitalign.facade import Request


def push(
    run_id: Annotated[
        str | None,
        typer.Argument(
            help="Only what this run moved: its id, the beginning of one, or last.",
            metavar="[RUN]",
        ),
    ] = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    push_hooks: PushHooks = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be pushed, and where.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Push what runs moved and remotes do not have.

    Each branch has its own lease: what another person pushed meanwhile is never overwritten.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli.console import console
        from gitalign.cli.progress import watching
        from gitalign.cli.tables import many
        from gitalign.core.plan import Permit
        from gitalign.core.publication import PushState
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        request = options.request(
            **chosen(only, exclude, author, since, older_than), overrides=overrides_of(push_hooks=push_hooks)
        )
        preview = facade.push_preview(request, run_id)
        if dry_run:
            show_preview(options, preview)
            return 0
        count = sum(one.push is PushState.UNKNOWN for one in preview)
        if count and not asked(options, f"Push {many(count, 'branch', 'branches')}? undo --push takes it back."):
            return 1
        with handling_signals(StopSignal()), watching(options, None) as listeners:
            report = facade.push(
                request,
                run_id,
                permit=Permit(plan_id="*", push=True, given_by="--yes" if yes else "prompt"),
                listeners=listeners,
            )
        if report is None:
            show_preview(options, ())
            return 0
        written_up(options, report)
        if any(one.push is PushState.PUSHED for one in report.publications) and not (options.json or options.quiet):
            from gitalign.cli import advice
            from gitalign.cli.advice import Advice, Typed

            back = Typed.of(request).command("undo", "--push", report.run.id)
            advice.show(console(), [Advice(back, "gives the remote back what it held")])
        return report.exit_code()

    leave(carried_out(options, work, acts=True))


def undo(
    run_id: RunId,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    push: Annotated[bool, typer.Option("--push", help="Also put back on the remote what was pushed.")] = False,
    push_hooks: PushHooks = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be put back.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Put back what a run moved.

    A branch that has moved since stays where it is. An undo can be undone.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli.console import console
        from gitalign.cli.progress import watching
        from gitalign.core.plan import Permit
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        request = options.request(
            **chosen(only, exclude, author, since, older_than), overrides=overrides_of(push_hooks=push_hooks)
        )
        if not dry_run:
            facade.recover_before_undo(request, run_id)  # before anything is counted
        preview = facade.undo_preview(request, run_id, push=push)
        if dry_run:
            show_preview(options, preview)
            return 0
        record = facade.run_to_undo(request, run_id, push=push)
        if _is_undone(record, push=push) and not (only or exclude or author or since or older_than or json):
            console().print(f"run {record.id} is undone already, by {record.undone_by}: nothing was done")
            return 0
        if _changes(preview) and not asked(options, _question(record, preview)):
            return 1
        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            report = facade.undo(
                request,
                run_id,
                push=push,
                permit=Permit(plan_id="*", push=push, given_by="--yes" if yes else "prompt"),
                listeners=listeners,
                stop=stop,
            )
        written_up(options, report)
        if not (options.json or options.quiet):
            from gitalign.cli import advice

            console().print("[dim]left: pins of runs (refs/gitalign), their journal and logs[/]")
            advice.show(console(), _after_undo(request, report, push=push))
        return report.exit_code()

    leave(carried_out(options, work, acts=True))


def _after_undo(request: Request, report: Report, *, push: bool) -> list[Advice]:
    from gitalign import facade
    from gitalign.cli.advice import Advice, Typed
    from gitalign.core.publication import MoveState, PushState

    typed = Typed.of(request)
    made = []
    if report.run.undoes and not push and facade.is_on_a_remote(request, report.run.undoes):
        also = typed.command("undo", "--push", report.run.undoes)
        made.append(Advice(also, "puts back on the remote, too, what was pushed"))
    if any(one.state is MoveState.MOVED or one.push is PushState.PUSHED for one in report.publications):
        flags = ("--push",) if push else ()
        made.append(Advice(typed.command("undo", *flags, report.run.id), "brings them forward again"))
    forget = typed.command("prune", "--older-than", "0")
    return [*made, Advice(forget, "removes pins and logs; then nothing can be undone")]


def show_preview(options: Options, publications: Sequence[Publication]) -> None:
    """What would move, for people or as JSON."""
    from gitalign.cli import render
    from gitalign.cli.console import console, emit_json
    from gitalign.documents import wire

    if options.json:
        emit_json({"moves": [wire.dump(one) for one in publications]})
    else:
        render.show_moves(console(), publications, tense="would move")


def written_up(options: Options, report: Report) -> None:
    """What moved, for people or as JSON."""
    from gitalign.cli import render
    from gitalign.cli.advice import Typed
    from gitalign.cli.console import console, emit_report

    if options.json:
        emit_report(report)
    elif not options.quiet:
        render.show_report(
            console(), report, everything=options.verbose, typed=Typed.of(options.request()), is_new=True
        )


def _is_undone(record: RunRecord, *, push: bool) -> bool:
    """True when all of a run is taken back already; what a push may still have to do on a remote is not known here."""
    if record.undone_by is None or record.undone != record.moved:
        return False
    return not record.moved or not push


def _changes(preview: Sequence[Publication]) -> list[Publication]:
    """What an undo would change, here or on a remote."""
    from gitalign.core.publication import MoveState, PushState

    return [one for one in preview if one.state is MoveState.INTENDED or one.push is PushState.UNKNOWN]


def _question(record: RunRecord, preview: Sequence[Publication]) -> str:
    """What a person is asked before an undo: which run it is, and what changes where."""
    from gitalign.cli.tables import many
    from gitalign.core.names import display, is_zero
    from gitalign.core.publication import MoveState, PushState
    from gitalign.core.run import RunKind, RunState

    changes = _changes(preview)
    here = [one for one in changes if one.state is MoveState.INTENDED]
    there = [one for one in changes if one.push is PushState.UNKNOWN]
    deleted = sum(is_zero(one.update.after) for one in here)
    deleted_there = sum(is_zero(one.pushed_oid) for one in there)
    kind = {RunKind.UNDO: "the undo ", RunKind.PUSH: "the push ", RunKind.PRUNE: "the prune "}.get(record.kind, "run ")
    parts = [f"{many(len(here), 'branch', 'branches')} here"] if here else []
    parts += [f"{many(len(there), 'branch', 'branches')} on {display(there[0].remote or '')}"] if there else []
    gone = f"; {deleted + deleted_there} of these are deleted" if deleted + deleted_there else ""
    verb = "Finish" if record.state is RunState.PUBLISHING else "Undo"
    return f"{verb} {kind}{record.id}? It changes {' and '.join(parts)}{gone}."
