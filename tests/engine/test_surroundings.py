"""The engine takes time, environment and randomness from its run, and keeps nothing between runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gitalign.engine

ENGINE = Path(gitalign.engine.__file__).parent
ALLOWED = {"runtime/surroundings.py"}
"""Where the values of the process come in."""
OF_THE_PROCESS = {
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
    "os.environ",
    "os.getenv",
    "os.getpid",
    "os.urandom",
}
MODULES = {"random", "secrets", "uuid"}
MUTABLE = {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "Lock", "RLock", "Queue", "local"}
CACHES = {"lru_cache", "cache", "cached"}


def faults(source: str) -> Iterator[str]:
    """Each use of something that belongs to the process, with its line."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (name := f"{node.value.id}.{node.attr}") in OF_THE_PROCESS:
                yield f"{node.lineno}: {name}"
        elif isinstance(node, ast.ImportFrom) and node.module in {"os", "time"}:
            yield from (f"{node.lineno}: {a.name}" for a in node.names if f"{node.module}.{a.name}" in OF_THE_PROCESS)
        elif isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"{node.lineno}: import {name}" for name in named if name in MODULES)
        if isinstance(node, ast.FunctionDef):
            yield from (f"{one.lineno}: {_name(one)}" for one in node.decorator_list if _name(one) in CACHES)
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            yield from (f"{statement.lineno}: module-level {what}" for what in _state(statement.value))


def _state(value: ast.expr) -> Iterator[str]:
    """What an expression makes that can be changed; a name written in capitals with braces or brackets is a table."""
    if isinstance(value, ast.Dict | ast.List | ast.Set):
        if not (value.keys if isinstance(value, ast.Dict) else value.elts):
            yield "empty container"
    elif isinstance(value, ast.Call) and (_name(value) in MUTABLE or not _makes_a_value(value)):
        yield f"{_name(value)}()"


def _makes_a_value(call: ast.Call) -> bool:
    """Calls that make something unchangeable: functions, and classes of values of ours."""
    name = _name(call)
    return name[:1].islower() or name in {
        "TypeVar",
        "Path",
        "ReplayRules",
        "Verdict",
        "Validation",
        "Plugins",
        "ActivePlugins",
    }


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_nothing_in_the_engine_reads_the_process_or_keeps_state_between_runs() -> None:
    found = {
        f"{name}:{fault}"
        for path in sorted(ENGINE.rglob("*.py"))
        if (name := path.relative_to(ENGINE).as_posix()) not in ALLOWED
        for fault in faults(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_such_uses_are_noticed() -> None:
    source = """
import random
from secrets import token_hex
from os import environ
KNOWN = {}
LAST = Holder()
FINE = frozenset({1})
@lru_cache(maxsize=4)
def f():
    global KNOWN
    return datetime.now(UTC), os.environ["X"]
"""
    assert {fault.partition(": ")[2] for fault in faults(source)} == {
        "import random",
        "import secrets",
        "environ",
        "module-level empty container",
        "module-level Holder()",
        "lru_cache",
        "global KNOWN",
        "datetime.now",
        "os.environ",
    }
