"""Asking a person before anything is changed or executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitalign.cli.options import Options
from gitalign.cli.pager import in_pager, no_pager_is_typed

if TYPE_CHECKING:
    from gitalign.core.plan import Plan

LOOK = "or look first with --dry-run"


def permission(options: Options, plan: Plan, *, push: bool, look: str = LOOK) -> str | None:
    """Who confirmed that branches move; None when the person at the terminal said no. `look` as for `asked`."""
    from gitalign.cli.rendering.console import console
    from gitalign.cli.rendering.plan import show_plan
    from gitalign.core.names import display
    from gitalign.core.plan import StepKind

    count = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and step.refusal is None for step in plan.steps)
    waiting = sum(step.push_to is not None and step.push_to.unpushed is not None for step in plan.steps) if push else 0
    if options.yes or not (count or waiting):
        return "--yes" if options.yes else "nothing to move"
    if not options.json and may_ask():
        with in_pager(options.repo, wanted=not no_pager_is_typed()):
            show_plan(console(), plan)
    also = f", and {waiting} that earlier runs moved" if waiting else ""
    pushing = f" and push them{also}" if push else ""
    theirs = plan.snapshot.branches_of
    on = f" of {display(theirs)}" if theirs is not None and plan.snapshot.taken_in is None else ""
    back = "undo --push puts them back" if theirs is not None else "They can be put back with undo"
    question = f"Align {count} branches{on} now{pushing}? {back[0].upper()}{back[1:]}."
    return "prompt" if asked(options, question, look=look) else None


def may_ask() -> bool:
    """True when a person can be asked."""
    from gitalign.cli.rendering.console import is_interactive

    return is_interactive()


def asked(options: Options, question: str, *, would: str = "move branches", look: str = LOOK) -> bool:
    """Whether the operator agrees.

    Args:
        options: `--yes` agrees.
        question: for the terminal.
        would: what the verb would do, for the error where no one can be asked.
        look: how to see that without doing it, for the hint; empty where there is no way.

    Raises:
        NotPermitted: no one can be asked.
    """
    from gitalign.errors import NotPermitted

    if options.yes:
        return True
    if options.json or not may_ask():
        raise NotPermitted(
            f"this would {would}, and there is no terminal to ask at",
            hint=f"add --yes{', ' if look else ''}{look}",
        )
    return click.confirm(question, default=False)
