"""A command whose verbs are imported and built when they are typed: to build all of them takes longer than most verbs work."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
)
"""Every verb, as the help lists them. Each is a file of that name in `commands/`, which holds a command of that name."""

_UNKNOWN = click.Command(None)


class LazyGroup(click.Group):
    """The command; it knows the names of its verbs, and what the help says of them, without importing any."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(VERBS, _UNKNOWN)  # the names are what the nearest one is looked for in

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, imported now."""
        return verb_named(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs; their summaries are kept beside the words for completion."""
        summaries = _summaries()
        width = formatter.width - 6 - max(map(len, VERBS))
        rows = [(name, click.Command(name, help=summaries[name]).get_short_help_str(width)) for name in VERBS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def verb_named(name: str) -> click.Command:
    """A verb, imported now.

    Raises:
        KeyError: there is no such verb.
    """
    if name not in VERBS:
        raise KeyError(name)
    command: click.Command = getattr(import_module(f"gitalign.cli.commands.{name}"), name)
    return command


def verbs_of(command: click.Command) -> Mapping[str, click.Command]:
    """The verbs of a command by name, imported; none when it is no group."""
    if isinstance(command, LazyGroup):
        return {name: verb_named(name) for name in VERBS}
    return command.commands if isinstance(command, click.Group) else {}


def _summaries() -> dict[str, str]:
    words: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))["verbs"]
    return {name: words[name]["help"] if name in words else verb_named(name).help or "" for name in VERBS}
