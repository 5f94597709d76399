"""How a verb is made of a function: what verbs share arrives as values, every error becomes a message and an exit code.

    @verb(acts=True)
    def undo(run_id: RunId, which: Filters, own: Undoing, options: Options) -> int:
        ...

A parameter whose type is a dataclass stands for all its fields: each is an option of its own, listed where the parameter
stands. `Options` is the one that every verb takes: `--repo` and `--config` are listed where it stands, the others last.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import typer

from gitalign.cli.options import LISTED_LAST, Options
from gitalign.cli.pager import NoPager, in_pager

NO_PAGER = "no_pager"


def verb(*, acts: bool = False, paged: bool = False, without: Iterable[str] = ()) -> Callable[..., Callable[..., None]]:
    """A decorator: makes what typer takes for a command of a function that returns an exit code.

    Args:
        acts: the verb changes something; otherwise what it prints is all that it does.
        paged: on a terminal the verb's output is shown in the pager, and it takes `--no-pager`.
        without: fields of `Options` that the verb does not take.
    """

    def made(function: Callable[..., int]) -> Callable[..., None]:
        values = _Values(function, without=frozenset(without))

        @functools.wraps(function)
        def command(**given: Any) -> None:
            from gitalign.cli.guarded import guarded

            no_pager = given.pop(NO_PAGER, False)
            arguments, options = values.collected(given)
            is_in_pager = paged and not (no_pager or options.json or given.get("browse"))
            with in_pager(options.repo, wanted=is_in_pager):
                raise typer.Exit(guarded(options, lambda: function(**arguments), acts=acts))

        parameters = values.parameters()
        if paged:
            parameters.append(_option(NO_PAGER, NoPager, False))
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return made


class _Values:
    """The parameters of a verb's function, and the options they stand for."""

    def __init__(self, function: Callable[..., int], *, without: frozenset[str]) -> None:
        self._own = inspect.signature(function, eval_str=True).parameters
        self._without = without

    def parameters(self) -> list[inspect.Parameter]:
        """One for each option and argument, in the order of the help."""
        first: list[inspect.Parameter] = []
        last: list[inspect.Parameter] = []
        for name, parameter in self._own.items():
            kind = parameter.annotation
            if not is_dataclass(kind):
                first.append(_option(name, kind, parameter.default))
                continue
            hints = typing.get_type_hints(kind, include_extras=True)
            for field in self._fields(kind):
                listed = last if kind is Options and field.name in LISTED_LAST else first
                listed.append(_option(field.name, hints[field.name], _default(field)))
        return first + last

    def collected(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Options]:
        """What the function is called with, from what was typed."""
        options = Options()
        arguments: dict[str, Any] = {}
        for name, parameter in self._own.items():
            kind = parameter.annotation
            if not is_dataclass(kind):
                arguments[name] = given[name]
                continue
            value = kind(**{field.name: given[field.name] for field in self._fields(kind)})  # type: ignore[operator]
            arguments[name] = value
            options = value if isinstance(value, Options) else options
        return arguments, options

    def _fields(self, kind: Any) -> list[Field[Any]]:
        return [field for field in fields(kind) if kind is not Options or field.name not in self._without]


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default
