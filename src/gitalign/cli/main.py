"""The command `git-align`, and so `git align …`: verbs and their options. Everything heavy is imported when a verb runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gitalign.cli.console import Options

app = typer.Typer(
    name="git-align",
    help="Align every branch of a repository with its primary branch: in memory, in parallel, undoable.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)

Repo = Annotated[Path, typer.Option("--repo", help="Any path inside the repository.", show_default="here")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file (YAML).", show_default="<git dir>/gitalign/config.yaml"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell everything.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Glob over whole branch names; may be given several times.", metavar="GLOB"),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input",
        help="Branch list (categorized_branches.json). Without it every branch goes to the target it is nearest to.",
        metavar="FILE",
    ),
]
Strategy = Annotated[str | None, typer.Option("--strategy", help="rebase or merge.", metavar="rebase|merge")]
Merges = Annotated[
    str | None,
    typer.Option("--merges", help="Branches that contain merges: refuse, flatten or merge-instead.", metavar="POLICY"),
]
Fetch = Annotated[bool, typer.Option("--fetch", help="Fetch first, and align onto what the remote has.")]


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """Run ids for shell completion."""
    return _complete(ctx, incomplete, lambda facade, request: ["last", *(record.id for record in facade.runs(request))])


def complete_branch(ctx: typer.Context, incomplete: str) -> list[str]:
    """Branch names of the last run for shell completion."""
    return _complete(
        ctx,
        incomplete,
        lambda facade, request: [
            step.branch.name for step in facade.show(request, ctx.params.get("run_id") or "last").plan.steps
        ],
    )


def _complete(ctx: typer.Context, incomplete: str, words: Any) -> list[str]:
    from gitalign import facade

    try:
        found = words(facade, facade.Request(repo=ctx.params.get("repo") or Path()))
    except Exception:  # completion must stay silent whatever is wrong
        return []
    return [word for word in found if word.startswith(incomplete)]


RunId = Annotated[
    str, typer.Argument(help="Run id, the beginning of one, or last.", metavar="RUN", autocompletion=complete_run)
]


def _leave(code: int) -> None:
    raise typer.Exit(code)


@app.callback(invoke_without_command=True)
def here(
    ctx: typer.Context,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Without a verb: where things stand, and what to type next."""
    if version:
        from gitalign import __version__

        typer.echo(f"git-align {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is not None:
        return
    options = Options(repo=repo, config=config, json=json)
    _leave(_guarded(options, lambda: _status(options)))


def _status(options: Options) -> int:
    from gitalign import facade, wire
    from gitalign.cli import render
    from gitalign.cli.console import console, emit_json

    status = facade.status(options.request())
    if options.json:
        emit_json(wire.dump(status))
    else:
        render.show_status(console(), status)
    return 0


@app.command()
def plan(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    only: Only = None,
    strategy: Strategy = None,
    merges: Merges = None,
    fetch: Fetch = False,
    push: Annotated[
        bool, typer.Option("--push", help="Read the remote's tips, so that a run of this plan can push.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write the plan to a file, to be run later with run --plan.", metavar="FILE"),
    ] = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Say what would happen, branch by branch, and why. Changes nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json, require_writable, write_whole

        if save is not None:
            require_writable(save)
        made = facade.plan(
            options.request(
                input=input,
                only=tuple(only or ()),
                fetch=fetch,
                push=push,
                overrides=_overrides(strategy=strategy, merges=merges),
            )
        )
        if save is not None:
            write_whole(save, wire.dumps(made, indent=2) + "\n")
        if options.json:
            emit_json(wire.dump(made))
        elif not options.quiet:
            render.show_plan(console(), made, everything=verbose)
            if save is not None:
                console().print(f"saved; run it with: git align run --plan {save}")
        return 0

    _leave(_guarded(options, work))


@app.command()
def run(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", help="Run a saved plan; branches that moved since are refused.", metavar="FILE"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write the results file (JSON).", metavar="FILE")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Workers per target.", min=1, max=256)] = None,
    strategy: Strategy = None,
    merges: Merges = None,
    only: Only = None,
    fetch: Fetch = False,
    push: Annotated[bool, typer.Option("--push", help="Push what moved, each branch under its own lease.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop before anything moves: the same as plan.")] = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Align all branches and publish the results, so that nothing can be lost."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json, require_writable, write_whole
        from gitalign.cli.progress import watching
        from gitalign.core.plan import Permit
        from gitalign.core.results_file import results_document
        from gitalign.engine.signals import StopSignal, handling_signals

        if output is not None:
            require_writable(output)
        overrides = _overrides(strategy=strategy, merges=merges, workers=workers)
        request = options.request(input=input, only=tuple(only or ()), fetch=fetch, push=push, overrides=overrides)
        made = _read_plan(plan_file) if plan_file is not None else facade.plan(request)
        if dry_run:
            if options.json:
                emit_json(wire.dump(made))
            else:
                render.show_plan(console(), made, everything=verbose)
            return 0
        given_by = _permission(options, made, push=push)
        if given_by is None:
            return 1
        stop = StopSignal()
        with handling_signals(stop), watching(options, made) as listeners:
            report = facade.run(
                request,
                plan=made,
                permit=Permit(plan_id=made.id, push=push, given_by=given_by),
                listeners=listeners,
                stop=stop,
            )
        if output is not None:
            write_whole(output, _dumps(results_document(report)))
        if options.json:
            emit_json(wire.report_document(report))
        elif not options.quiet:
            render.show_report(console(), report, everything=verbose)
        return report.exit_code()

    _leave(_guarded(options, work))


@app.command()
def runs(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """List every run, newest first."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json

        found = facade.runs(options.request())
        if options.json:
            emit_json([wire.dump(record) for record in found])
        else:
            render.show_runs(console(), found)
        return 0

    _leave(_guarded(options, work))


@app.command()
def show(
    run_id: RunId = "last",
    branch: Annotated[
        str | None, typer.Argument(help="Tell all about one branch.", metavar="BRANCH", autocompletion=complete_branch)
    ] = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show what a run came to, or all about one of its branches."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.errors import UserError

        report = facade.show(options.request(), run_id)
        if branch is None:
            if options.json:
                emit_json(wire.report_document(report))
            else:
                render.show_report(console(), report, everything=verbose)
            return 0
        found = next((one for one in report.branches() if one.step.branch.name == branch), None)
        if found is None:
            left_out = next((one.reason for one in report.plan.excluded if one.branch == branch), None)
            raise UserError(
                f"{branch} was left out of run {report.run.id}: {left_out}"
                if left_out
                else f"run {report.run.id} has no branch {branch!r}",
                hint=f"git align show {report.run.id} -v",
            )
        if options.json:
            emit_json(next(entry for entry in wire.report_document(report)["branches"] if entry["branch"] == branch))
        else:
            render.show_branch(console(), report, found)
        return 0

    _leave(_guarded(options, work))


@app.command()
def undo(
    run_id: RunId,
    only: Only = None,
    push: Annotated[bool, typer.Option("--push", help="Put back on the remote, too, what the run pushed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be put back.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Put back what a run moved, wherever it still stands as the run left it. An undo can be undone."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.cli.progress import watching
        from gitalign.core.plan import Permit
        from gitalign.core.publication import MoveState
        from gitalign.engine.signals import StopSignal, handling_signals

        request = options.request(only=tuple(only or ()))
        preview = facade.undo_preview(request, run_id)
        if dry_run:
            if options.json:
                emit_json([wire.dump(one) for one in preview])
            else:
                render.show_moves(console(), preview, tense="would move")
            return 0
        count = sum(one.state is MoveState.INTENDED for one in preview)
        if not _asked(options, f"Put {count} branches back to where they were before run {run_id}?"):
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
        if options.json:
            emit_json(wire.report_document(report))
        elif not options.quiet:
            render.show_report(console(), report, everything=verbose)
            console().print(f"[bold]next:[/] git align undo {report.run.id}   brings them forward again")
        return report.exit_code()

    _leave(_guarded(options, work))


@app.command()
def resume(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Finish or roll back runs that were cut off, and go on with those that were stopped."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.cli.progress import watching
        from gitalign.engine.signals import StopSignal, handling_signals

        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            reports = facade.resume(options.request(), listeners=listeners, stop=stop)
        if options.json:
            emit_json([wire.report_document(report) for report in reports])
        elif not reports:
            console().print("nothing to resume")
        else:
            for report in reports:
                render.show_report(console(), report, everything=verbose)
        return max((report.exit_code() for report in reports), default=0)

    _leave(_guarded(options, work))


@app.command()
def prune(
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", help="Age in days.", min=0, show_default="retention_days, 30", metavar="DAYS"),
    ] = None,
    backups: Annotated[bool, typer.Option("--backups", help="Remove backup branches, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Remove pins, and on request backup branches, of old runs. Those runs cannot be undone any more."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json

        request = options.request()
        report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=True)
        if not dry_run and (report.anchors or report.backups or report.runs):
            if not _asked(
                options,
                f"Remove the pins of {len(report.runs)} runs and {len(report.backups)} backup branches? These runs cannot be undone then.",
            ):
                return 1
            report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=False)
        if options.json:
            emit_json(wire.dump(report))
        else:
            render.show_prune(console(), report)
        return 0

    _leave(_guarded(options, work))


@app.command()
def doctor(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check git, repository, settings, journal, disk, locks and work trees."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json

        found = facade.doctor(options.request())
        if options.json:
            emit_json([wire.dump(one) for one in found])
        else:
            render.show_doctor(console(), found)
        return 3 if any(one.ok is False for one in found) else 0

    _leave(_guarded(options, work))


@app.command()
def demo(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Where to build the sample repository.", show_default="a new temporary folder", metavar="DIR"
        ),
    ] = None,
    branches: Annotated[int, typer.Option("--branches", help="About how many branches.", min=20, max=5000)] = 60,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Build a sample repository, align it, and say what to try next."""
    options = Options(json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign.cli.demo import tour

        return tour(options, directory=directory, branches=branches)

    _leave(_guarded(options, work))


@app.command()
def version() -> None:
    """Print the version."""
    from gitalign import __version__

    typer.echo(f"git-align {__version__}")


def _overrides(
    *, strategy: str | None = None, merges: str | None = None, workers: int | None = None
) -> dict[str, object]:
    given = {
        "alignment.strategy": strategy,
        "alignment.merges": merges,
        "orchestration.max_workers_per_target": workers,
    }
    return {key: value for key, value in given.items() if value is not None}


def _read_plan(path: Path) -> Any:
    from gitalign import wire
    from gitalign.errors import PlanRefused

    try:
        return wire.load_plan(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PlanRefused(f"cannot read {path}: {error}", hint="make one: git align plan --save FILE") from error


def _permission(options: Options, plan: Any, *, push: bool) -> str | None:
    """Who gave leave to move branches; None when the person at the terminal said no."""
    from gitalign.cli import render
    from gitalign.cli.console import console
    from gitalign.core.plan import StepKind

    count = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and step.refusal is None for step in plan.steps)
    if options.yes or not count:
        return "--yes" if options.yes else "nothing to move"
    if not options.json and _may_ask():
        render.show_plan(console(stderr=True), plan)
    asked = f"Align {count} branches now{' and push them' if push else ''}? They can be put back with undo."
    return "prompt" if _asked(options, asked) else None


def _may_ask() -> bool:
    from gitalign.cli.console import is_interactive

    return is_interactive()


def _asked(options: Options, question: str) -> bool:
    """Whether the operator agrees.

    Raises:
        NotPermitted: nobody can be asked.
    """
    from gitalign.errors import NotPermitted

    if options.yes:
        return True
    if options.json or not _may_ask():
        raise NotPermitted(
            "this would move branches, and there is nobody to ask", hint="add --yes, or look first with --dry-run"
        )
    return typer.confirm(question, default=False)


def _dumps(document: Any) -> str:
    import json

    return json.dumps(document, indent=2) + "\n"


def _guarded(options: Options, work: Any) -> int:
    from gitalign.cli.console import guarded

    return guarded(options, work)


def main() -> None:
    """Entry point. Exit codes: docs/command-line.md."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="git-align")


if __name__ == "__main__":
    main()
