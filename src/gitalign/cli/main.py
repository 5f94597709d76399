"""The command `git-align`, and so `git align …`. A verb is imported and built when it is typed (`lazy_group.py`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import click
from click.core import ParameterSource

from gitalign.cli.lazy_group import VERBS, LazyGroup, verb_named
from gitalign.cli.options import ConfigFile, Json, Options, Repo
from gitalign.cli.pager import NO_PAGER
from gitalign.cli.parameters import HELP_NAMES, option, parameter
from gitalign.cli.working_set import with_values


def here(**typed: Any) -> None:
    """Without a verb: where things stand, and what to type next."""
    ctx = click.get_current_context()
    if typed.pop("version"):
        from gitalign import __version__

        click.echo(f"git-align {__version__}")
        ctx.exit()
    if ctx.invoked_subcommand is not None:
        # What stands before a verb holds for the verb, and for the verbs of a verb.
        before = {name: value for name, value in typed.items() if _is_typed(ctx, name)}
        verb = verb_named(ctx.invoked_subcommand)
        inner = verb.list_commands(ctx) if isinstance(verb, click.Group) else ()
        ctx.default_map = {**before, ctx.invoked_subcommand: {**before, **dict.fromkeys(inner, before)}}
        return
    from gitalign.cli.commands.status import status
    from gitalign.cli.guarded import guarded

    options = Options(repo=typed["repo"], config=typed["config"], json=typed["json"])
    ctx.exit(guarded(options, lambda: status(options)))


def _is_typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


app = LazyGroup(
    VERBS,
    name="git-align",
    callback=here,
    params=[
        parameter("repo", Repo, Path()),
        parameter("config", ConfigFile, None),
        parameter("json", Json, False),
        parameter("no_pager", NO_PAGER, False),
        parameter("version", Annotated[bool, option("--version", help="Print the version.")], False),
    ],
    help="Align every branch of a repository with its primary branch: in memory, in parallel, undoable.",
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings=HELP_NAMES,
)


def load(words: Sequence[str]) -> None:
    """Import what the words need, as far as they begin with a verb: an interrupt until then needs no cleaning up."""
    command: click.Command | None = app
    for word in words:
        if not isinstance(command, LazyGroup):
            break
        command = command.verb(word)


def main() -> None:
    """Entry point. Exit codes: docs/command-line.md."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(with_values(sys.argv[1:]), prog_name="git-align")


if __name__ == "__main__":
    main()
