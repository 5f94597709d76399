"""What is looked at in a Python file as a whole before a settled conflict in it is proposed. Pure."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence

from gitalign.core.policy import AutoResolver
from gitalign.resolve.import_lines import Origin, bound_by
from gitalign.resolve.region_resolvers import AutoResolvedFile, in_blanks_alone
from gitalign.resolve.regions import Lines, Region, joined

_LONGEST = 1 << 18
_HERE: Origin = ("",)
Scope = tuple[str, ...]
Bindings = dict[tuple[Scope, str], set[Origin]]


def fault(parts: Sequence[Lines | Region], climbed: AutoResolvedFile, *, ours: bytes, theirs: bytes) -> str | None:
    """Why a result is no sound Python, though both sides are; None when nothing speaks against it, or a side is no Python.

    Args:
        parts: of the merged file.
        climbed: how its regions were settled.
        ours, theirs: the sides, whole.
    """
    if max(len(ours), len(theirs), len(climbed.content)) > _LONGEST:
        return f"more than {_LONGEST} bytes of Python are not looked at"
    sides = [_parsed(side) for side in (ours, theirs)]
    if any(side is None for side in sides):
        return None
    result = _parsed(climbed.content)
    if result is None:
        return "it is no Python, though both sides are"
    if not _imports_are_statements(result, climbed):
        return "lines taken for imports stand in a string"
    if not _blanks_mean_nothing(parts, climbed):
        return "blanks that a side changed mean something"
    known = [_bindings(side) for side in sides if side is not None]
    for (scope, name), origins in sorted(_bindings(result).items(), key=lambda one: one[0]):
        is_imported = bool(origins - {_HERE})
        if len(origins) > 1 and is_imported and not any(origins <= side.get((scope, name), set()) for side in known):
            return f"the name {name} is bound to two things"
    return None


def _parsed(content: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None


def _imports_are_statements(result: ast.Module, climbed: AutoResolvedFile) -> bool:
    starts = {node.lineno for node in ast.walk(result) if isinstance(node, ast.Import | ast.ImportFrom)}
    number = 1
    for place, lines in enumerate(climbed.pieces):
        if climbed.by.get(place) is AutoResolver.IMPORTS and any(
            line.strip() and at not in starts for at, line in enumerate(lines, start=number)
        ):
            return False
        number += len(lines)
    return True


def _blanks_mean_nothing(parts: Sequence[Lines | Region], climbed: AutoResolvedFile) -> bool:
    """Whether the file means the same with either of two sides, wherever the two were taken to differ in blanks alone."""
    one, other = list(climbed.pieces), list(climbed.pieces)
    for place, part in enumerate(parts):
        if isinstance(part, Region) and climbed.by[place] is AutoResolver.WHITESPACE:
            one[place], other[place] = in_blanks_alone(part) or (part.ours, part.theirs)
    if one == other:
        return True
    meanings = [_meaning(joined(lines)) for lines in (one, other)]
    return meanings[0] is not None and meanings[0] == meanings[1]


def _meaning(content: bytes) -> str | None:
    """The file without its layout; blanks at the end of a line of a docstring are layout, too."""
    tree = _parsed(content)
    if tree is None:
        return None
    try:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                node.value.value = "\n".join(line.rstrip(" \t") for line in node.value.value.split("\n"))
        return ast.dump(tree)
    except RecursionError:
        return None


def _bindings(tree: ast.Module) -> Bindings:
    """Scope and name -> all that the file binds to it there, by imports or in another way."""
    found: Bindings = {}
    waiting: list[tuple[Scope, ast.AST]] = [((), tree)]
    while waiting:
        scope, node = waiting.pop()
        inner = scope
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault((scope, node.name), set()).add(_HERE)
            inner = (*scope, node.name)
        for name, origin in _bound_at(node):
            found.setdefault((scope, name), set()).add(origin)
        waiting += [(inner, child) for child in ast.iter_child_nodes(node)]
    return found


def _bound_at(node: ast.AST) -> Iterator[tuple[str, Origin]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (bound_by(node) or {}).items()
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id, _HERE
