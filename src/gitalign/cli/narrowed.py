"""The command line with the one verb that is typed: to build the options of all verbs takes longer than most verbs work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy

import typer


def narrowed(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """The command line as far as it is needed.

    Args:
        app: with all verbs.
        words: what is typed.

    Returns:
        With one verb where the first word names it; with all of them otherwise, and when a shell asks what may come next.
    """
    if not words or any(name.endswith("_COMPLETE") for name in os.environ):
        return app
    commands = [one for one in app.registered_commands if _name(one) == words[0]]
    groups = [one for one in app.registered_groups if one.name == words[0]]
    if not commands and not groups:
        return app
    made = copy(app)
    made.registered_commands, made.registered_groups = commands, groups
    return made


def _name(command: typer.models.CommandInfo) -> str:
    return command.name or (command.callback.__name__.replace("_", "-") if command.callback else "")
