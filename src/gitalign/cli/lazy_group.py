"""A command whose verbs are imported and built when they are typed: to build all of them takes longer than most verbs work."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

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
)
"""Every verb, as the help lists them. Each is a file of that name in `commands/`, which holds a function or an `app` of that name."""


class LazyGroup(TyperGroup):
    """The command; it knows the names of its verbs, and what the help says of them, without importing any."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Verbs()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs; their summaries are kept beside the words for completion."""
        found = self.commands
        self.commands = {name: TyperCommand(name=name, help=summary) for name, summary in _summaries().items()}
        try:
            super().format_commands(ctx, formatter)
        finally:
            self.commands = found


class _Verbs(MutableMapping[str, Any]):
    """Verbs by name, each made when it is first asked for."""

    def __init__(self) -> None:
        self._added: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._added:
            if name not in VERBS:
                raise KeyError(name)
            self._added[name] = _command(name)
        return self._added[name]

    def __contains__(self, name: object) -> bool:
        return name in VERBS

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)

    def __setitem__(self, name: str, command: Any) -> None:
        self._added[name] = command

    def __delitem__(self, name: str) -> None:
        del self._added[name]


def import_verb(name: str) -> Any:
    """The module of a verb.

    Raises:
        KeyError: there is no such verb.
    """
    if name not in VERBS:
        raise KeyError(name)
    return import_module(f"gitalign.cli.commands.{name}")


@cache
def _command(name: str) -> Any:
    module = import_verb(name)
    if hasattr(module, "app"):
        made = typer.main.get_group(module.app)
        made.name = name
        return made
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(getattr(module, name))
    return typer.main.get_command(alone)


def _summaries() -> dict[str, str]:
    words = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))["verbs"]
    return {name: words[name]["help"] if name in words else _command(name).help for name in VERBS}
