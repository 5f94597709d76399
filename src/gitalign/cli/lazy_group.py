"""Commands whose verbs are imported and built when they are typed: to build all of them takes longer than most verbs work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

VERBS = (
    "plan",
    "run",
    "runs",
    "show",
    "init",
    "categorize",
    "forecast",
    "order",
    "conflicts",
    "resolve",
    "push",
    "undo",
    "restore",
    "resume",
    "report",
    "verify",
    "prune",
    "doctor",
    "demo",
    "completion",
    "version",
    "rules",
    "resolutions",
    "batch",
    "framework",
    "paths",
    "mcp",
    "serve",
    "worker",
    "user",
    "token",
    "repo",
    "schedule",
    "remote",
    "webhook",
    "audit",
    "db",
)
"""Every verb, as the help lists them. Each is a file of that name in `commands/`, which holds a command of that name; where it
has verbs that are files, it is a folder."""

_UNKNOWN = click.Command(None)


@contextmanager
def _interruptible() -> Iterator[None]:
    """An interrupt before or behind the work of a verb ends with the documented exit code; click would end with 1."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        raise click.exceptions.Exit(130) from None


class LazyGroup(click.Group):
    """A command; it knows the names of its verbs, and what the help says of them, without importing any.

    Args:
        verbs: their names, as the help lists them.
        path: what is typed before them, without the name of the program; it is their folder below `commands/`.
        attributes: as for `click.Group`.
    """

    def __init__(self, verbs: Sequence[str], *, path: tuple[str, ...] = (), **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(verbs, _UNKNOWN)  # the names are what the nearest one is looked for in
        self._path = path

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """See `click.Command.make_context`."""
        with _interruptible():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Command.invoke`."""
        with _interruptible():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, imported now."""
        return self.verb(cmd_name)

    def verb(self, name: str) -> click.Command | None:
        """A verb, imported now; None when there is no such verb."""
        return _imported(*self._path, name) if name in self.commands else None

    def verbs(self) -> Mapping[str, click.Command]:
        """All verbs by name, imported now."""
        return {name: _imported(*self._path, name) for name in self.commands}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs; their summaries are kept beside the words for completion."""
        summaries = self._summaries()
        width = formatter.width - 6 - max(map(len, summaries))
        rows = [(name, click.Command(name, help=text).get_short_help_str(width)) for name, text in summaries.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _summaries(self) -> dict[str, str]:
        words: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
        for name in self._path:
            words = words["verbs"].get(name, {"verbs": {}})
        known = words["verbs"]
        return {
            name: known[name]["help"] if name in known else _imported(*self._path, name).help or ""
            for name in self.commands
        }


def verb_named(name: str) -> click.Command:
    """A verb, imported now.

    Raises:
        KeyError: there is no such verb.
    """
    if name not in VERBS:
        raise KeyError(name)
    return _imported(name)


def verbs_of(command: click.Command) -> Mapping[str, click.Command]:
    """The verbs of a command by name, imported; none when it is no group."""
    if isinstance(command, LazyGroup):
        return command.verbs()
    return command.commands if isinstance(command, click.Group) else {}


def _imported(*path: str) -> click.Command:
    names = [name.replace("-", "_") for name in path]
    command: click.Command = getattr(import_module(".".join(("gitalign.cli.commands", *names))), names[-1])
    return command
