"""Whether a service can be started through an application factory: read from its syntax tree, never by importing it."""

from __future__ import annotations

import ast
import warnings
from enum import StrEnum


class FactorySupport(StrEnum):
    """Three answers, so that not knowing is never taken for no."""

    SUPPORTED = "supported"
    """The module defines `create_app` as a plain function that can be called without arguments."""
    NOT_SUPPORTED = "not_supported"
    UNKNOWN = "unknown"
    """The module is not there or cannot be read as Python, or the name comes from elsewhere."""


def factory_support(source: bytes | None, *, name: str = "create_app") -> FactorySupport:
    """What a module offers to `uvicorn module:create_app --factory`.

    Args:
        source: of the module; None when there is none.
        name: of the factory.
    """
    if source is None:
        return FactorySupport.UNKNOWN
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return FactorySupport.UNKNOWN
    answer = FactorySupport.NOT_SUPPORTED
    for node in tree.body:
        # The last binding counts, as it does when the module is run.
        if isinstance(node, ast.FunctionDef) and node.name == name:
            answer = FactorySupport.SUPPORTED if _needs_nothing(node.args) else FactorySupport.NOT_SUPPORTED
        elif isinstance(node, ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            answer = FactorySupport.NOT_SUPPORTED
        elif _may_bind(node, name):
            answer = FactorySupport.UNKNOWN
    return answer


def _needs_nothing(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional == 0 and all(default is not None for default in arguments.kw_defaults)


def _may_bind(node: ast.stmt, name: str) -> bool:
    """True for imports, assignments and conditions that could bind the name to anything."""
    match node:
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return any((alias.asname or alias.name) in (name, "*") for alias in aliases)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return False
        case _:
            return any(
                (isinstance(inner, ast.Name) and inner.id == name and not isinstance(inner.ctx, ast.Load))
                or (isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name == name)
                or (
                    isinstance(inner, ast.Import | ast.ImportFrom)
                    and any((alias.asname or alias.name) in (name, "*") for alias in inner.names)
                )
                for inner in ast.walk(node)
            )
