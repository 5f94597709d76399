"""An execution plan drawn: as text for a terminal or mail, and as Mermaid for pages that render it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from gitalign.core.names import display
from gitalign.landing.execution_plan import ExecutionPlan

_WIDTH = 110


def as_text(plan: ExecutionPlan) -> str:
    """Batches one under the other, each with what it waits for."""
    lines: list[str] = []
    for batch in plan.batches:
        waits = f", after {_numbered(batch.depends_on)}" if batch.depends_on else ""
        stops = f", {len(batch.predicted_conflicts)} predicted conflicts" if batch.predicted_conflicts else ""
        lines.append(f"batch {batch.batch_id}: {len(batch.members)} {_plural(batch.members)}{waits}{stops}")
        lines += textwrap.wrap(
            ", ".join(map(display, batch.members)),
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    if len(plan.critical_path) > 1:
        lines.append(f"critical path: {' -> '.join(map(display, plan.critical_path))}")
    return "\n".join(lines)


def as_mermaid(plan: ExecutionPlan) -> str:
    """A flow chart: a box for each batch, solid arrows for dependencies, dotted lines for predicted conflicts."""
    number = {name: at for at, name in enumerate(plan.order)}
    lines = ["flowchart LR"]
    for batch in plan.batches:
        lines.append(f'  subgraph B{batch.batch_id}["batch {batch.batch_id}"]')
        lines += [f'    n{number[name]}["{_quoted(name)}"]' for name in batch.members]
        lines.append("  end")
    lines += [f"  n{number[one]} --> n{number[other]}" for one, other in plan.dependencies]
    lines += [f"  n{number[each.first]} -.- n{number[each.second]}" for each in plan.predicted_conflicts]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    """Text of a node: nothing in a name may end it."""
    return "".join(char if char.isalnum() or char in "/-_. " else f"#{ord(char)};" for char in display(name))


def _numbered(batches: Sequence[int]) -> str:
    return ", ".join(map(str, batches))


def _plural(members: Sequence[str]) -> str:
    return "branch" if len(members) == 1 else "branches"
