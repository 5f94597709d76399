"""How a verb is made of a function: what verbs share arrives as values, every error becomes a message and an exit code.

    @verb(acts=True)
    def undo(run_id: RunId, which: Filters, own: Undoing, options: Options) -> int:
        ...

A parameter whose type is a dataclass stands for all its fields: each is an option of its own, listed where the parameter
stands. `Options` is the one that every verb takes: `--repo` and `--config` are listed where it stands, the others last.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import click

from gitalign.cli.options import LISTED_LAST, Options
from gitalign.cli.pager import NO_PAGER, in_pager
from gitalign.cli.parameters import HELP_NAMES, parameter, value_of
from gitalign.core.names import shell_word


def verb(
    name: str = "", *, acts: bool = False, paged: bool = False, without: Iterable[str] = ()
) -> Callable[[Callable[..., int]], click.Command]:
    """A decorator: makes a command of a function that returns an exit code.

    Args:
        name: of the verb; that of the function when empty.
        acts: the verb changes something; otherwise what it prints is all that it does.
        paged: on a terminal the verb's output is shown in the pager, and it takes `--no-pager`.
        without: fields of `Options` that the verb does not take.

    Raises:
        TypeError: two of the verb's parameters or options share a name: one value would be taken for the other.
    """

    def made(function: Callable[..., int]) -> click.Command:
        values = _Values(function, without=frozenset(without))
        is_here = "repo" not in without

        def called(**typed: Any) -> None:
            from gitalign.cli.guarded import guarded
            from gitalign.one_heap import share_heap

            share_heap()
            _refuse_extra(click.get_current_context(), takes_only="only" in typed)
            no_pager = typed.pop("no_pager", False)
            arguments, options = values.collected(typed)
            is_in_pager = paged and not (no_pager or options.json or typed.get("browse"))
            with in_pager(options.repo, wanted=is_in_pager):
                is_only_look = not acts or bool(typed.get("dry_run"))
                code = guarded(options, lambda: function(**arguments), acts=not is_only_look, is_here=is_here)
                click.get_current_context().exit(code)

        parameters = values.parameters()
        if paged:
            parameters.append(parameter("no_pager", NO_PAGER, False))
        _require_unlike(function, parameters)
        return Verb(
            name or function.__name__,
            acts=acts,
            callback=called,
            params=parameters,
            help=inspect.getdoc(function),
            context_settings={**HELP_NAMES, "allow_extra_args": True},
        )

    return made


def _require_unlike(function: Callable[..., int], parameters: Iterable[click.Parameter]) -> None:
    typed = [(name, each) for each in parameters for name in (each.name or "", *each.opts, *each.secondary_opts)]
    first: dict[str, click.Parameter] = {}
    for name, each in typed:
        if first.setdefault(name, each) is not each:
            raise TypeError(f"{function.__module__}.{function.__name__}: two parameters are named {name!r}")


def _refuse_extra(ctx: click.Context, *, takes_only: bool) -> None:
    """Refuse arguments that the verb does not take.

    Raises:
        UsageError: with the option that chooses branches, where the verb has it.
    """
    if not ctx.args:
        return
    words = " ".join(ctx.args)
    hint = ""
    if takes_only:
        chosen = " ".join(f"--only {shell_word(word)}" for word in ctx.args)
        hint = f"\nBranches are chosen with --only: git align {ctx.command.name} {chosen}"
    raise click.UsageError(f"unexpected {'argument' if len(ctx.args) == 1 else 'arguments'}: {words}{hint}", ctx)


class Verb(click.Command):
    """A command that was made of a function.

    Attributes:
        acts: it changes something, unless it is asked for a dry run.
    """

    def __init__(self, name: str, *, acts: bool, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.acts = acts


class Group(click.Group):
    """A verb that has verbs; the help lists them in the order in which they are given."""

    def __init__(self, name: str, *verbs: click.Command, help: str) -> None:
        super().__init__(name, help=help, no_args_is_help=True, context_settings=HELP_NAMES)
        self.commands = {verb.name or "": verb for verb in verbs}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb of the verb."""
        return list(self.commands)


class _Values:
    """The parameters of a verb's function, and the options they stand for."""

    def __init__(self, function: Callable[..., int], *, without: frozenset[str]) -> None:
        self._own = inspect.signature(function).parameters
        self._types = typing.get_type_hints(function, include_extras=True)
        self._without = without

    def parameters(self) -> list[click.Parameter]:
        """One for each option and argument, in the order of the help."""
        first: list[click.Parameter] = []
        last: list[click.Parameter] = []
        for name, own in self._own.items():
            kind = self._types[name]
            if not is_dataclass(kind):
                first.append(parameter(name, kind, ... if own.default is own.empty else own.default))
                continue
            for field, annotation, default in self._fields(kind):
                listed = last if kind is Options and field in LISTED_LAST else first
                listed.append(parameter(field, annotation, default))
        return first + last

    def collected(self, typed: Mapping[str, Any]) -> tuple[dict[str, Any], Options]:
        """What the function is called with, from what was typed."""
        options = Options()
        arguments: dict[str, Any] = {}
        for name in self._own:
            kind = self._types[name]
            if not is_dataclass(kind):
                arguments[name] = value_of(kind, typed[name])
                continue
            given = {field: value_of(annotation, typed[field]) for field, annotation, _ in self._fields(kind)}
            value = kind(**given)  # type: ignore[operator]
            arguments[name] = value
            options = value if isinstance(value, Options) else options
        return arguments, options

    def _fields(self, kind: Any) -> Iterator[tuple[str, Any, Any]]:
        hints = typing.get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            if kind is not Options or field.name not in self._without:
                yield field.name, hints[field.name], ... if field.default is MISSING else field.default
