"""The command `git-align`, and so `git align …`. A verb is imported and built when it is typed (`lazy_group.py`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitalign.cli.lazy_group import VERBS, LazyGroup, import_verb
from gitalign.cli.options import ConfigFile, Json, Options, Repo
from gitalign.cli.pager import NoPager
from gitalign.cli.working_set import with_values

app = typer.Typer(
    name="git-align",
    cls=LazyGroup,
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
        typed = {name for name in given if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"}
        command: Any = ctx.command
        # What stands before a verb holds for the verb, and for the verbs of a verb.
        before = {name: given[name] for name in sorted(typed)}
        verb = command.commands[ctx.invoked_subcommand]
        ctx.default_map = {**before, ctx.invoked_subcommand: _for_every_verb(verb, before)}
        return
    from gitalign.cli.commands.status import status
    from gitalign.cli.guarded import guarded

    options = Options(repo=repo, config=config, json=json)
    raise typer.Exit(guarded(options, lambda: status(options)))


def _for_every_verb(command: Any, given: dict[str, Any]) -> dict[str, Any]:
    verbs: dict[str, Any] = getattr(command, "commands", {})
    return {**given, **{name: _for_every_verb(verb, given) for name, verb in verbs.items()}}


def load(words: Sequence[str]) -> None:
    """Import what the words need, as far as they begin with a verb: an interrupt until then needs no cleaning up."""
    if words and words[0] in VERBS:
        import_verb(words[0])


def main() -> None:
    """Entry point. Exit codes: docs/command-line.md."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(with_values(sys.argv[1:]), prog_name="git-align")


if __name__ == "__main__":
    main()
