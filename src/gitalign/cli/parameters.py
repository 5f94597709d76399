"""Options and arguments, declared by the type of a value: `Annotated[bool, option("--push", help="Push what was moved.")]`.

click parses them. Here: which of click's types belongs to which Python type.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import click

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Declared:
    """How a value is typed.

    Attributes:
        names: of an option; none for an argument.
        help: one sentence.
        metavar: what stands for the value; made from the type when None.
        shown_default: what the help says instead of the default; None for the default itself.
        bounds: smallest and largest value of a number.
        formats: of a date.
        callback: changes the value that was parsed (`click.Parameter`).
    """

    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    shown_default: str | None = None
    bounds: tuple[int, int] | None = None
    formats: tuple[str, ...] = ()
    callback: Callable[[click.Context, click.Parameter, Any], Any] | None = field(default=None)


def option(*names: str, help: str, **more: Any) -> Declared:
    """An option of these names; the other values as `Declared` has them. `--yes/--no` names both of a switch."""
    return Declared(names, help, **more)


def argument(*, help: str, **more: Any) -> Declared:
    """An argument; the other values as `Declared` has them."""
    return Declared((), help, **more)


def parameter(name: str, annotation: Any, default: Any) -> click.Parameter:
    """What click parses for a value.

    Args:
        name: of the value.
        annotation: `Annotated` with what `option` or `argument` made.
        default: of the value; `...` when there is none.
    """
    kind, declared = annotation.__origin__, annotation.__metadata__[0]
    kind, is_many = _plain(kind)
    is_required = default is ...
    common: dict[str, Any] = {
        "type": _type_of(kind, declared),
        "callback": declared.callback,
        "metavar": declared.metavar or _metavar(name, kind, declared, is_required=is_required),
    }
    if not is_required and not (is_many and not declared.names):
        common["default"] = default.value if isinstance(default, Enum) else default
    is_shown = default not in (None, False, (), ...) and not isinstance(default, Path)
    if not declared.names:
        note = "  [required]" if is_required else f"  [default: {default}]" if is_shown else ""
        nargs = -1 if is_many else 1
        return click.Argument([name], help=declared.help + note, required=is_required, nargs=nargs, **common)
    if kind is bool:
        common["is_flag"] = True
        del common["type"]
    shown = declared.shown_default or is_shown
    return click.Option([*declared.names, name], help=declared.help, multiple=is_many, show_default=shown, **common)


def _metavar(name: str, kind: Any, declared: Declared, *, is_required: bool) -> str | None:
    if not declared.names:
        return name.upper() if is_required else f"[{name.upper()}]"
    return "|".join(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else None


def value_of(annotation: Any, typed: Any) -> Any:
    """What was parsed, as the type of the value has it: an enumeration has its members."""
    kind, _ = _plain(annotation.__origin__)
    return kind(typed) if isinstance(typed, str) and isinstance(kind, type) and issubclass(kind, Enum) else typed


def _plain(kind: Any) -> tuple[Any, bool]:
    """The type without its `| None` or its tuple, and whether it was a tuple."""
    if isinstance(kind, types.UnionType):
        kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
    if typing.get_origin(kind) is tuple:
        return typing.get_args(kind)[0], True
    return kind, False


def _type_of(kind: Any, declared: Declared) -> Any:
    if kind is Path:
        return click.Path(path_type=Path)
    if kind is datetime:
        return click.DateTime(list(declared.formats))
    if kind is int and declared.bounds is not None:
        return click.IntRange(*declared.bounds)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return click.Choice([member.value for member in kind])
    return kind
