"""Files and functions of the package stay small; complexity and numbers of arguments are ruff's to watch (`pyproject.toml`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "gitalign"
MOST_LINES_OF_A_FILE = 350
MOST_LINES_OF_A_FUNCTION = 60

LONG_FILES: frozenset[str] = frozenset()
LONG_FUNCTIONS: frozenset[str] = frozenset()
"""Not yet within the limits; the lists may only shrink."""


def lengths(source: str) -> Iterator[tuple[str, int]]:
    """Name and lines of every function; decorators and the docstring count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def test_no_file_is_long() -> None:
    long = {name: count for name, text in sources() if (count := len(text.splitlines())) > MOST_LINES_OF_A_FILE}
    assert {name: count for name, count in long.items() if name not in LONG_FILES} == {}
    assert LONG_FILES - long.keys() == set(), "within the limit now: take it off the list"


def test_no_function_is_long() -> None:
    long = {
        f"{name}::{function}": count
        for name, text in sources()
        for function, count in lengths(text)
        if count > MOST_LINES_OF_A_FUNCTION
    }
    assert {name: count for name, count in long.items() if name not in LONG_FUNCTIONS} == {}
    assert LONG_FUNCTIONS - long.keys() == set(), "within the limit now: take it off the list"


def test_a_long_function_would_be_found() -> None:
    assert dict(lengths("class A:\n    async def long(self):\n" + "        x = 1\n" * 60)) == {"long": 61}
