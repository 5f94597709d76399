"""What a person reads is in plain words; documents are looked at by `guides/test_links.py`."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src" / "gitalign"
AVOIDED = re.compile(r"\b(whoever|nobody|somebody|told|anew|is no commit)\b(?! of)", re.IGNORECASE)
NAMES = re.compile(r"\(\?P<\w+>|^\w+$")
"""Patterns, and single words, which are names: no person reads them."""


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Line and content of every text that is no docstring."""
    tree = ast.parse(source)
    silent = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(body := getattr(node, "body", None), list)
        for statement in body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    "room", sorted(path.name for path in SOURCES.iterdir() if path.suffix == ".py" or path.is_dir())
)
def test_no_string_makes_a_reader_stumble(room: str) -> None:
    place = SOURCES / room
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    found = [
        f"{file.relative_to(SOURCES)}:{line}: {said}"
        for file in files
        for line, said in strings(file.read_text(encoding="utf-8"))
        if AVOIDED.search(said) and not NAMES.search(said)
    ]
    assert found == []


DOCSTRINGS_AVOID = re.compile(
    r"\b(whoever|nobody|somebody|told|anew|is no commit|workshop|ladder|stack-mate)\b", re.IGNORECASE
)


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring, and of every comment."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield token.start[0], token.string


def test_docstrings_and_comments_are_plain() -> None:
    found = [
        f"{file.relative_to(SOURCES)}:{line}: {word[0]}"
        for file in sorted(SOURCES.rglob("*.py"))
        for line, text in prose(file.read_text(encoding="utf-8"))
        if (word := DOCSTRINGS_AVOID.search(text))
    ]
    assert found == []


def test_it_would_be_found() -> None:
    assert [said for _, said in strings('"""told"""\nx = f"nobody {1}"\n') if AVOIDED.search(said)] == ["nobody "]
