"""A plan that was saved to be run later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.documents import plans
from gitalign.errors import PlanRefused, UserError
from gitalign.input_file import Unreadable, read_bounded

if TYPE_CHECKING:
    from gitalign.core.plan import Plan

_LARGEST_PLAN_BYTES = 512 * 1024 * 1024


def refuse_beside_a_plan(given: dict[str, bool]) -> None:
    """Say that options change nothing where a saved plan is run: what they are about is in the plan.

    Args:
        given: whether each option was typed, by its name.

    Raises:
        UserError
    """
    typed = [name for name, is_typed in given.items() if is_typed]
    if typed:
        raise UserError(
            f"{', '.join(typed)} cannot be combined with --plan: a saved plan says how branches are aligned",
            hint=f"make a new one: git align plan {' '.join(typed)} --save FILE",
        )


def read_plan(path: Path) -> Plan:
    """A saved plan.

    Raises:
        PlanRefused
    """
    hint = "make one: git align plan --save FILE"
    try:
        return plans.read(read_bounded(path, most_bytes=_LARGEST_PLAN_BYTES).decode("utf-8"))
    except Unreadable as error:
        raise PlanRefused(error.message, hint=hint) from error
    except UnicodeDecodeError as error:
        raise PlanRefused(f"{path} is not UTF-8", hint=hint) from error
