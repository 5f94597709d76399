"""The command `git-align`, and so `git align …`: plan, run and what they came to. Everything heavy is imported when a verb runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gitalign.cli import after, before, completion, conflicts, history, init, prune, publish, resolve, restore, rules
from gitalign.cli import resolutions as resolutions_verbs
from gitalign.cli.console import Options
from gitalign.cli.narrowed import narrowed
from gitalign.cli.options import (
    ConfigFile,
    Fetch,
    Furthest,
    Input,
    Json,
    Merges,
    Only,
    Partial,
    PushHooks,
    Quiet,
    Repo,
    Resolutions,
    ResolveWith,
    Strategy,
    Verbose,
    Yes,
    as_text,
    carried_out,
    leave,
    overrides_of,
    permission,
    read_plan,
    refuse_beside_a_plan,
)
from gitalign.cli.pager import NoPager, paged
from gitalign.cli.working_set import (
    All,
    Author,
    Exclude,
    OlderThan,
    Remote,
    Since,
    Targets,
    chosen,
    planned,
    with_values,
)

app = typer.Typer(
    name="git-align",
    help="Align every branch of a repository with its primary branch: in memory, in parallel, undoable.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def here(
    ctx: typer.Context,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    no_pager: NoPager = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Without a verb: where things stand, and what to type next."""
    if version:
        from gitalign import __version__

        typer.echo(f"git-align {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is not None:
        given = {"repo": repo, "config": config, "json": json, "no_pager": no_pager}
        told = {name for name in given if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"}
        # What stands before a verb holds for the verb, and for the verbs of a verb.
        ctx.default_map = _for_every_verb(ctx.command, {name: given[name] for name in sorted(told)})
        return
    options = Options(repo=repo, config=config, json=json)
    leave(carried_out(options, lambda: _status(options)))


def _for_every_verb(command: Any, given: dict[str, Any]) -> dict[str, Any]:
    verbs: dict[str, Any] = getattr(command, "commands", {})
    return {**given, **{name: _for_every_verb(verb, given) for name, verb in verbs.items()}}


def _status(options: Options) -> int:
    from gitalign import facade
    from gitalign.cli import render
    from gitalign.cli.console import console, emit_json
    from gitalign.documents import wire

    status = facade.status(options.request())
    if options.json:
        emit_json(wire.dump(status))
    else:
        render.show_status(console(), status)
    return 2 if status.fault else 0


@app.command()
@paged
def plan(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    strategy: Strategy = None,
    merges: Merges = None,
    resolutions: Resolutions = None,
    resolve_with: ResolveWith = None,
    partial: Partial = False,
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
    """Show what a run would do, branch by branch. Changes nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign.cli import advice, render_before
        from gitalign.cli.console import console, emit_json, require_writable, write_whole
        from gitalign.cli.tables import safe
        from gitalign.core.names import shell_word
        from gitalign.documents import plans

        if save is not None:
            require_writable(save)
        request = options.request(
            input=input,
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=not push,
            fetch=fetch,
            push=push,
            overrides=overrides_of(
                targets=target,
                strategy=strategy,
                merges=merges,
                resolutions=resolutions,
                resolve_with=resolve_with,
                partial=partial,
            ),
        )
        made = planned(options, request)
        if save is not None:
            write_whole(save, plans.text_of(made, indent=2) + "\n")
        if options.json:
            emit_json(plans.dump(made))
        elif not options.quiet:
            render_before.show_plan(console(), made, everything=verbose, fetched=fetch)
            if save is not None:
                console().print(f"saved; run it with: git align run --plan {safe(shell_word(str(save)))}")
            else:
                advice.show(console(), advice.after_plan(made, advice.Typed.of(request)))
        return 0

    leave(carried_out(options, work))


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
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    fetch: Fetch = False,
    push: Annotated[
        bool, typer.Option("--push", help="Push what this run and earlier ones moved, each branch under its own lease.")
    ] = False,
    push_hooks: PushHooks = False,
    no_checks: Annotated[
        bool, typer.Option("--no-checks", help="Do not run the configured checks; the report says so.")
    ] = False,
    resolutions: Resolutions = None,
    resolve_with: ResolveWith = None,
    partial: Partial = False,
    furthest: Furthest = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop before anything moves: the same as plan.")] = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Align all branches and publish the results. Can be undone."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render, render_before
        from gitalign.cli.advice import Typed
        from gitalign.cli.console import console, emit_json, emit_report, require_writable, write_whole
        from gitalign.cli.progress import watching
        from gitalign.core.plan import Permit
        from gitalign.documents import plans
        from gitalign.documents.results_file import results_document
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        if output is not None:
            require_writable(output)
        overrides = overrides_of(
            targets=target,
            strategy=strategy,
            merges=merges,
            workers=workers,
            resolutions=resolutions,
            resolve_with=resolve_with,
            furthest=furthest,
            partial=partial,
            push_hooks=push_hooks,
        )
        if no_checks:
            overrides["validation.enabled"] = False
        if plan_file is not None:
            refuse_beside_a_plan(
                {
                    "--strategy": strategy is not None,
                    "--merges": merges is not None,
                    "--resolutions": resolutions is not None,
                    "--resolve-with": bool(resolve_with),
                    "--partial": partial,
                    "--input": input is not None,
                    "--only": bool(only),
                    "--exclude": bool(exclude),
                    "--author": bool(author),
                    "--since": since is not None,
                    "--older-than": older_than is not None,
                    "--target": bool(target),
                    "--remote": remote is not None,
                    "--all": everywhere,
                    "--fetch": fetch,
                }
            )
        pushes = push or ((remote is not None or everywhere) and not dry_run)
        request = options.request(
            input=input,
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            fetch=fetch,
            push=pushes,
            overrides=overrides,
        )
        made = read_plan(plan_file) if plan_file is not None else planned(options, request)
        if dry_run:
            if options.json:
                emit_json(plans.dump(made))
            else:
                render_before.show_plan(console(), made, everything=verbose, fetched=fetch)
            return 0
        given_by = permission(options, made, push=pushes)
        if given_by is None:
            return 1
        stop = StopSignal()
        with handling_signals(stop), watching(options, made) as listeners:
            report = facade.run(
                request,
                plan=made,
                permit=Permit(plan_id=made.id, push=pushes, given_by=given_by),
                listeners=listeners,
                stop=stop,
            )
        if output is not None:
            write_whole(output, as_text(results_document(report)))
        if options.json:
            emit_report(report)
        elif not options.quiet:
            render.show_report(console(), report, everything=verbose, typed=Typed.of(request), is_new=True)
        return report.exit_code()

    leave(carried_out(options, work, acts=True))


for verb in (
    paged(history.runs),
    paged(history.show),
    init.init,
    paged(before.categorize),
    paged(before.forecast),
    paged(before.order),
    paged(conflicts.conflicts),
    resolve.resolve,
    publish.push,
    publish.undo,
    restore.restore,
    after.resume,
    paged(after.report),
    paged(after.verify),
    prune.prune,
    after.doctor,
    after.demo,
    completion.completion,
    after.version,
):
    app.command()(verb)
app.add_typer(rules.app, name="rules")
app.add_typer(resolutions_verbs.app, name="resolutions")


def main() -> None:
    """Entry point. Exit codes: docs/command-line.md."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    words = with_values(sys.argv[1:])
    narrowed(app, words)(words, prog_name="git-align")


if __name__ == "__main__":
    main()
