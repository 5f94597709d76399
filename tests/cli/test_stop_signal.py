"""A second Ctrl-C ends the git processes of what runs: only those of the use case that was given the stop signal."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gitalign.cli

CLI = Path(gitalign.cli.__file__).parent


def deaf_calls(source: str) -> Iterator[str]:
    """Use cases that run while signals are handled, and do not know the stop signal."""
    for block in ast.walk(ast.parse(source)):
        if isinstance(block, ast.With) and any(_handles(item.context_expr) for item in block.items):
            for call in (node for statement in block.body for node in ast.walk(statement)):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and isinstance(call.func.value, ast.Name)
                    and call.func.value.id == "facade"
                    and call.func.attr.islower()
                    and all(keyword.arg != "stop" for keyword in call.keywords)
                ):
                    yield f"{call.lineno}: facade.{call.func.attr}"


def _handles(context: ast.expr) -> bool:
    name = context.func if isinstance(context, ast.Call) else context
    return isinstance(name, ast.Name) and name.id in {"followed", "handling_signals"}


def test_every_use_case_that_runs_while_signals_are_handled_knows_the_stop_signal() -> None:
    found = [
        f"{path.relative_to(CLI)}:{call}"
        for path in sorted(CLI.rglob("*.py"))
        for call in deaf_calls(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_one_that_does_not_is_noticed() -> None:
    source = "with followed(options) as (listeners, _):\n    facade.push(request)\n    facade.run(request, stop=stop)\n"
    assert list(deaf_calls(source)) == ["2: facade.push"]
