"""Reads members of JSON objects, with the place of every fault.

A reader of a document is a function `load_…(value)` that asks for each member by its key. Keys that it does not ask for are
ignored, so a document of a newer minor version is read. General-purpose validators refuse names whose bytes are not UTF-8
(lone surrogates in JSON); these functions keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from gitalign.core.names import BranchName, Oid, StepId, TargetName

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
E = TypeVar("E", bound=Enum)
Parser = Callable[[Any], T]
_REQUIRED: Final[Any] = object()


class Malformed(ValueError):
    """The JSON does not describe the value asked for.

    Attributes:
        reason: what is wrong.
        place: of the fault in the document, such as `outcome.conflicts[2].kind`; empty for the document itself.
    """

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason, self.place = reason, place


def members(value: Any) -> Mapping[str, Any]:
    """The members of an object.

    Raises:
        Malformed: not an object.
    """
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value


def field(data: Mapping[str, Any], key: str, parse: Parser[T], default: T = _REQUIRED) -> T:
    """One member.

    Raises:
        Malformed: missing without a default, or refused by `parse`.
    """
    try:
        value = data[key]
    except KeyError:
        if default is _REQUIRED:
            raise Malformed(f"missing key {key!r}") from None
        return default
    try:
        return parse(value)
    except Malformed as error:
        raise _within(key, error) from error


def maybe(data: Mapping[str, Any], key: str, parse: Parser[T], default: T | None = _REQUIRED) -> T | None:
    """One member that may be null; as `field`."""
    if data.get(key, _REQUIRED) is None:
        return None
    return field(data, key, parse, cast(T, default))


def each(data: Mapping[str, Any], key: str, parse: Parser[T], default: tuple[T, ...] = _REQUIRED) -> tuple[T, ...]:
    """A member that is a list; as `field`."""
    try:
        items = data[key]
    except KeyError:
        if default is _REQUIRED:
            raise Malformed(f"missing key {key!r}") from None
        return default
    try:
        return tuple([parse(item) for item in _items(items)])
    except Malformed as error:
        raise _within(key, _numbered(items, parse, error)) from error


def many(parse: Parser[T]) -> Parser[tuple[T, ...]]:
    """Reads a list."""

    def read(value: Any) -> tuple[T, ...]:
        return tuple(parse(item) for item in _items(value))

    return read


def pair(first: Parser[T], second: Parser[U]) -> Parser[tuple[T, U]]:
    """Reads a list of two."""

    def read(value: Any) -> tuple[T, U]:
        one, two = _items(value, length=2)
        return first(one), second(two)

    return read


def triple(first: Parser[T], second: Parser[U], third: Parser[V]) -> Parser[tuple[T, U, V]]:
    """Reads a list of three."""

    def read(value: Any) -> tuple[T, U, V]:
        one, two, three = _items(value, length=3)
        return first(one), second(two), third(three)

    return read


def mapping(parse: Parser[T]) -> Parser[Mapping[str, T]]:
    """Reads an object with any keys."""

    def read(value: Any) -> Mapping[str, T]:
        return {key: parse(item) for key, item in members(value).items()}

    return read


def member_of(kind: type[E]) -> Parser[E]:
    """Reads a member of an enumeration, by its value."""
    known = {member.value: member for member in kind}

    def read(value: Any) -> E:
        try:
            return known[value]
        except (KeyError, TypeError):
            raise Malformed(f"{value!r} is not one of {', '.join(known)}") from None

    return read


def one_of(*values: T) -> Parser[T]:
    """Reads one of some values."""

    def read(value: Any) -> T:
        if value not in values:
            raise Malformed(f"{value!r} is not one of {', '.join(map(str, values))}")
        return cast(T, value)

    return read


def as_text(value: Any) -> str:
    """Reads text."""
    if isinstance(value, str):
        return value
    raise _wrong("str", value)


as_oid = cast(Parser[Oid], as_text)
as_branch_name = cast(Parser[BranchName], as_text)
as_target_name = cast(Parser[TargetName], as_text)


def as_int(value: Any) -> int:
    """Reads a whole number."""
    if isinstance(value, int) and value is not True and value is not False:
        return value
    raise _wrong("int", value)


as_step_id = cast(Parser[StepId], as_int)


def as_float(value: Any) -> float:
    """Reads a number."""
    if isinstance(value, float):
        return value
    if isinstance(value, int) and value is not True and value is not False:
        return float(value)
    raise _wrong("float", value)


def as_bool(value: Any) -> bool:
    """Reads true or false."""
    if value is True or value is False:
        return bool(value)
    raise _wrong("bool", value)


def as_time(value: Any) -> datetime:
    """Reads a time in ISO 8601; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Malformed(f"{value!r} is not a time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def as_it_is(value: Any) -> Any:
    """Reads anything."""
    return value


@lru_cache(maxsize=16)  # what follows an event asks four times in a row
def time_text(moment: datetime) -> str:
    """A time as documents have it: ISO 8601 in UTC with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _items(value: Any, *, length: int | None = None) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Malformed("not a list")
    if length is not None and len(value) != length:
        raise Malformed(f"{length} items expected, {len(value)} found")
    return value


def _numbered(items: Any, parse: Parser[T], error: Malformed) -> Malformed:
    """The fault, with the number of the item that has it."""
    for number, item in enumerate(items if isinstance(items, list | tuple) else ()):
        try:
            parse(item)
        except Malformed as fault:
            return _within(f"[{number}]", fault)
    return error


def _within(place: str, error: Malformed) -> Malformed:
    joint = "" if error.place.startswith("[") or not error.place else "."
    return Malformed(error.reason, f"{place}{joint}{error.place}")


def _wrong(kind: str, value: Any) -> Malformed:
    return Malformed(f"{kind} expected, {type(value).__name__} found")


_SCALARS = (str, int, float)


def plain(value: Any) -> Any:
    """What a value says in JSON, where any value may stand: times and sequences as documents have them, others as text."""
    if value is None or isinstance(value, _SCALARS):
        return value
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, dict | Mapping):
        return {
            str(key): item if item is None or isinstance(item, _SCALARS) else plain(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | frozenset):
        return [plain(item) for item in value]
    return str(value)
