"""What a Python file defines, imports and uses, read from its syntax tree alone."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from gitalign.detect.judging import Unjudged, judged
from gitalign.detect.mentions import plain_text

V = TypeVar("V")
Fault = tuple[str, int | None]
"""What is wrong and in which line."""

_LONGEST = 2_000_000
_TOO_DEEP = ("RecursionError", "MemoryError")
_MAY_IMPORT_ALL = re.compile(r"\bimport[\s\\(]*\*")
_BUILTINS = frozenset(dir(builtins)) | {
    "__file__",
    "__name__",
    "__doc__",
    "__package__",
    "__path__",
    "__spec__",
    "__loader__",
    "__builtins__",
    "__annotations__",
    "__module__",
    "__qualname__",
    "__class__",
    "__debug__",
    "WindowsError",
    "reveal_type",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a file imports, or imports from.

    Attributes:
        level: leading dots of a relative import; 0 for an absolute one.
        names: what is taken from it; empty for `import module`.
        is_optional: stands in a `try`, a function, or under a condition, where a program may live without it.
    """

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    is_optional: bool


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """What is known of a file.

    Attributes:
        exports: names bound at module level; None when that cannot be determined (`import *`, `__getattr__`).
        imports: in order of line.
        unbound: names that are read and bound nowhere in the file, with their first line.
        attributes: (dotted name, attribute) pairs that are read, with their first line.
        modules: local dotted name -> module it may stand for, and the leading dots of that: `c` for `import a.b as c`, `a.b` for
            `import a.b`, `b` for `from a import b`.
    """

    exports: frozenset[str] | None
    imports: tuple[Import, ...]
    unbound: dict[str, int]
    attributes: dict[tuple[str, str], int]
    modules: dict[str, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class PythonFile:
    """What Python's parser says of a file, and what is known of it then.

    Attributes:
        fault: what is wrong, and in which line; None for a file that the parser takes, or that is too long.
        facts: None for a file that is no Python, too long, or too deeply nested.
    """

    fault: Fault | Unjudged | None
    facts: PythonFacts | Unjudged | None


def python_file(data: bytes) -> PythonFile:
    """Read a file once, for all that want to know something of it."""
    if len(data) > _LONGEST:
        return PythonFile(None, None)
    tree = judged(lambda: _parsed(data))
    if isinstance(tree, ast.Module):
        return PythonFile(None, judged(partial(_read, tree, _facts)))
    if isinstance(tree, Unjudged) and not tree.reason.startswith(_TOO_DEEP):
        return PythonFile(tree, tree)
    return PythonFile(tree, None)


def python_exports(data: bytes) -> frozenset[str] | None:
    """`PythonFacts.exports` of a file, for half the price; None also for a file without facts."""
    text = plain_text(data)
    if text is None or _MAY_IMPORT_ALL.search(text) or len(data) > _LONGEST:
        facts = python_file(data).facts
        return facts.exports if isinstance(facts, PythonFacts) else None
    tree = judged(lambda: _parsed(data))
    if not isinstance(tree, ast.Module):
        return None
    exports = judged(partial(_read, tree, partial(_exports_of, has_star=False)))
    return exports if isinstance(exports, frozenset) else None


def python_fault(data: bytes) -> Fault | None:
    """The first thing that Python's parser does not take."""
    tree = _parsed(data)
    return None if isinstance(tree, ast.Module) else tree


def _parsed(data: bytes) -> ast.Module | Fault:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        return f"Python: {error.msg}", error.lineno
    except (ValueError, LookupError) as error:
        return f"Python: {error}", None


def _read(tree: ast.Module, read: Callable[[ast.Module], V]) -> V | None:
    try:
        return read(tree)
    except (ValueError, LookupError, RecursionError, MemoryError):
        return None


def _exports_of(tree: ast.Module, *, has_star: bool) -> frozenset[str] | None:
    exports = None if has_star else frozenset(_exports(tree.body))
    return None if exports is None or "__getattr__" in exports else exports


def _facts(tree: ast.Module) -> PythonFacts:
    reader = _Reader()
    reader.read(tree)
    has_star = any("*" in one.names for one in reader.imports)
    known = reader.bound | _BUILTINS
    return PythonFacts(
        exports=_exports_of(tree, has_star=has_star),
        imports=tuple(sorted(reader.imports, key=lambda one: one.line)),
        unbound={} if has_star else {name: line for name, line in reader.loaded.items() if name not in known},
        attributes=reader.attributes,
        modules=reader.modules,
    )


class _Fields(dict[type, tuple[str, ...]]):
    """Fields of a kind of node that may hold nodes of interest."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = tuple(name for name in getattr(kind, "_fields", ()) if name not in _WITHOUT_NODES)
        self[kind] = fields
        return fields


_WITHOUT_NODES = frozenset(
    {
        "arg",
        "asname",
        "attr",
        "conversion",
        "ctx",
        "id",
        "is_async",
        "kind",
        "kwd_attrs",
        "level",
        "module",
        "name",
        "names",
        "op",
        "ops",
        "rest",
        "simple",
        "type_comment",
        "type_ignores",
    }
)
_FIELDS = _Fields({ast.Constant: (), ast.MatchSingleton: ()})


class _Reader:
    """Gathers what the nodes of a tree say. Written for speed: a repository has millions of nodes."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.loaded: dict[str, int] = {}
        self.attributes: dict[tuple[str, str], int] = {}
        self.imports: list[Import] = []
        self.modules: dict[str, tuple[str, int]] = {}

    def read(self, tree: ast.Module) -> None:
        """Take in every node, and for imports whether they stand where a program may never come."""
        certain: list[Any] = [tree]
        optional: list[Any] = []
        self._walk(certain, optional, is_optional=False)
        self._walk(optional, optional, is_optional=True)

    def _walk(self, waiting: list[Any], inside: list[Any], *, is_optional: bool) -> None:
        """Nodes that wait, and what is in them; what stands under a condition goes to `inside`."""
        bound, loaded, attributes, fields_of = self.bound, self.loaded, self.attributes, _FIELDS
        while waiting:
            node = waiting.pop()
            kind = node.__class__
            if kind is ast.Name:
                if node.ctx.__class__ is ast.Load:
                    loaded[node.id] = min(node.lineno, loaded.get(node.id, node.lineno))
                else:
                    bound.add(node.id)
                continue
            if kind is ast.Attribute:
                if node.ctx.__class__ is ast.Load and (local := _dotted(node.value)) is not None:
                    key = (local, node.attr)
                    attributes[key] = min(node.lineno, attributes.get(key, node.lineno))
            elif kind in _NAMING:
                self._name(node, is_optional=is_optional)
            onto = inside if kind in _CONDITIONAL else waiting
            for field in fields_of[kind]:
                value = getattr(node, field)
                if value.__class__ is list:
                    onto.extend(value)
                elif value is not None:
                    onto.append(value)

    def _name(self, node: Any, *, is_optional: bool) -> None:
        """A node that binds names otherwise than by assignment."""
        kind = node.__class__
        if kind is ast.Import or kind is ast.ImportFrom:
            self._import(node, is_optional)
        elif kind is ast.Global or kind is ast.Nonlocal:
            self.bound.update(node.names)
        elif isinstance(name := getattr(node, _NAMED[kind]), str):
            self.bound.add(name)

    def _import(self, node: ast.Import | ast.ImportFrom, is_optional: bool) -> None:
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            self.imports.append(Import(node.module or "", node.level or 0, names, node.lineno, is_optional))
            for alias in node.names:
                local = alias.asname or alias.name
                self.bound.add(local)
                # Whether it is a module or a name within one is for the tree to say.
                self.modules[local] = (f"{node.module}.{alias.name}" if node.module else alias.name, node.level or 0)
            return
        for alias in node.names:
            self.imports.append(Import(alias.name, 0, (), node.lineno, is_optional))
            local = alias.asname or alias.name.partition(".")[0]
            self.bound.add(local)
            self.modules[alias.asname or alias.name] = (alias.name, 0)


def _dotted(node: ast.expr) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else None


_NAMED = {
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ClassDef: "name",
    ast.arg: "arg",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}
"""Nodes that bind a name, and where they keep it."""
_NAMING = frozenset({*_NAMED, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal})
_CONDITIONAL = frozenset({ast.Try, ast.TryStar, ast.If, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda})


def _exports(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements at module level bind, also inside its conditions and loops."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    yield alias.asname or alias.name.partition(".")[0]
            case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.TryStar() | ast.AsyncWith():
                for part in ("body", "orelse", "finalbody"):
                    yield from _exports(getattr(statement, part, []))
                for handler in getattr(statement, "handlers", []):
                    yield from _exports(handler.body)
                yield from _names(statement)
            case _:
                yield from _names(statement)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Names a statement binds by assignment, not looking into functions and classes."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
