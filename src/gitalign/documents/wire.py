"""JSON of the values: plans, results, publications, events.

A small codec over the dataclasses' own annotations. Text is written in ASCII with escapes, so names whose bytes are not
UTF-8 (carried by surrogateescape) survive a round trip; general-purpose validators refuse them.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gitalign.core.outcome import Aligned, Cancelled, Conflicted, Failed, Refused, Skipped, Unchanged
from gitalign.core.report import Report
from gitalign.core.rules import Compliance
from gitalign.documents.reading import Malformed as Malformed

T = TypeVar("T")

_OUTCOMES: dict[str, type] = {
    "aligned": Aligned,
    "unchanged": Unchanged,
    "conflicted": Conflicted,
    "refused": Refused,
    "failed": Failed,
    "skipped": Skipped,
    "cancelled": Cancelled,
}


def dump(value: Any) -> Any:
    """A value as JSON-able objects; dataclass fields keep their order, times are ISO 8601 with Z."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple | list | frozenset):
        return [dump(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: dump(getattr(value, name)) for name in _fields(type(value))}
    return str(value)


def dumps(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON text in ASCII."""
    if indent is None and dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {name: getattr(value, name) for name in _fields(type(value))}
        if any(map(_is_long, members.values())):
            return "{" + ",".join(f"{json.dumps(name)}:{_compact(item)}" for name, item in members.items()) + "}"
    return json.dumps(dump(value), indent=indent, separators=None if indent else (",", ":"))


_LONG = 1_000


def _is_long(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > _LONG


def _compact(value: Any) -> str:
    """The text of `dumps`; of very many values, one after the other, so that their objects are not held together."""
    return "[" + ",".join(map(dumps, value)) + "]" if _is_long(value) else dumps(value)


def load(kind: type[T], data: Any) -> T:
    """Build a value of a dataclass from JSON objects.

    Raises:
        Malformed: something is missing, unknown or of the wrong type; the message names where.
    """
    made: T = _read(kind, data, kind.__name__)
    return made


def loads(kind: type[T], text: str) -> T:
    """Like `load`, from JSON text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error
    return load(kind, data)


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _required(kind: type) -> frozenset[str]:
    return frozenset(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )


def _read(kind: Any, data: Any, where: str) -> Any:
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if kind is Any:
        return data
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(kind), data, where)
    if origin is Literal:
        if data not in get_args(kind):
            raise Malformed(f"{where}: {data!r} is none of {get_args(kind)}")
        return data
    if origin is tuple:
        return _read_tuple(get_args(kind), data, where)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, dict):
            raise Malformed(f"{where}: not an object")
        value = get_args(kind)[1] if get_args(kind) else Any
        return {key: _read(value, item, f"{where}[{key!r}]") for key, item in data.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, data, where)
    return _read_scalar(kind, data, where)


def _read_union(options: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if Aligned in options:
        if not isinstance(data, dict) or data.get("kind") not in _OUTCOMES:
            raise Malformed(f"{where}: no outcome")
        return _read(_OUTCOMES[data["kind"]], data, where)
    faults: list[str] = []
    for option in options:
        try:
            return _read(option, data, where)
        except Malformed as fault:
            faults.append(str(fault))
    raise Malformed("; ".join(faults))


def _read_tuple(arguments: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise Malformed(f"{where}: not a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_read(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(data))
    if len(data) != len(arguments):
        raise Malformed(f"{where}: {len(arguments)} items expected, {len(data)} found")
    return tuple(
        _read(argument, item, f"{where}[{index}]")
        for index, (argument, item) in enumerate(zip(arguments, data, strict=True))
    )


def _read_dataclass(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise Malformed(f"{where}: not an object")
    fields = _fields(kind)
    unknown = data.keys() - fields.keys()
    missing = _required(kind) - data.keys()
    if unknown or missing:
        raise Malformed(
            f"{where}: "
            + ", ".join(
                [
                    *(f"unknown key {key!r}" for key in sorted(unknown)),
                    *(f"missing key {key!r}" for key in sorted(missing)),
                ]
            )
        )
    return kind(**{name: _read(fields[name], item, f"{where}.{name}") for name, item in data.items()})


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is datetime:
        try:
            moment = datetime.fromisoformat(data)
        except (TypeError, ValueError) as error:
            raise Malformed(f"{where}: {data!r} is no time") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise Malformed(f"{where}: {data!r} is no {kind.__name__}") from error
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise Malformed(f"{where}: {kind.__name__} expected, {type(data).__name__} found")
    return data


def report_document(report: Report) -> dict[str, Any]:
    """The rich report as JSON objects; keys are documented in docs/json.md and stable."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in _report(report).items()}


def report_text(report: Report, *, indent: int | None = None) -> Iterator[str]:
    """The rich report as JSON text in ASCII, in pieces: a report on many branches is never held whole.

    Args:
        report: the report.
        indent: as for `json.dumps`, whose text this is.
    """
    outer, inner = ("", "") if indent is None else ("\n" + " " * indent, "\n" + " " * 2 * indent)
    comma = ", " if indent is None else ","
    yield "{"
    for number, (key, value) in enumerate(_report(report).items()):
        yield f"{comma if number else ''}{outer}{json.dumps(key)}: "
        if not isinstance(value, Iterator):
            yield json.dumps(value, indent=indent).replace("\n", outer)
            continue
        is_empty = True
        for member in value:
            yield f"{'[' if is_empty else comma}{inner}{json.dumps(member, indent=indent).replace(chr(10), inner)}"
            is_empty = False
        yield "[]" if is_empty else f"{outer}]"
    yield "}" if indent is None else "\n}"


def _report(report: Report) -> dict[str, Any]:
    """The report's parts; those of which there may be very many are iterators."""
    return {
        "format": 1,
        "run": dump(report.run),
        "exit_code": report.exit_code(),
        "counts": report.counts(),
        "targets": [dump(target) for target in report.plan.targets],
        "branches": _branch_documents(report),
        "moves": (dump(one) for one in report.publications),
        "excluded": [dump(one) for one in report.plan.excluded],
        "phases": {name: round(seconds, 6) for name, seconds in report.phases},
        "peak_memory_bytes": report.peak_memory_bytes,
        "breaker_tripped": report.breaker_tripped,
        "notices": list(report.notices),
        "executed_at": dump(report.executed_at),
        "total_s": round(report.total_s, 6),
    }


def _branch_documents(report: Report) -> Iterator[dict[str, Any]]:
    for branch in report.branches():
        step, result = branch.step, branch.result
        yield (
            {
                "branch": step.branch.name,
                "target": step.target.name,
                "verdict": branch.verdict.value,
                "detail": branch.detail,
                "reason_for_target": step.branch.reason,
                "strategy": step.strategy.value,
                "kind": step.kind.value,
                "integration_branch": step.integration,
                "own_commits": step.own_commits,
                "behind": step.behind,
                "merges": step.merges,
                "stack": step.stack,
                "notes": list(step.notes),
                "outcome": dump(result.outcome),
                "detection": result.detection,
                "validation": dump(result.validation),
                "documentation": result.documentation,
                "house_rules": compliance_document(result.compliance) if result.compliance is not None else None,
                "summary": result.summary,
                "duration_s": round(result.duration_s, 6),
                "phases": {name: round(seconds, 6) for name, seconds in result.phases},
                "attempts": result.attempts,
                "publication": dump(branch.publication),
            }
        )


def compliance_document(one: Compliance) -> dict[str, Any]:
    """What the house rules say of a branch as JSON objects; keys are documented in docs/json.md and stable."""
    return {
        **dump(one),
        "results": [{**dump(result), "is_compliant": result.is_compliant} for result in one.results],
        "critical_issues": [result.id for result in one.critical],
        "needs_attention": one.needs_attention or bool(one.critical),
    }


def dumps_report(report: Report, *, indent: int | None = None) -> str:
    """The rich report as JSON text in ASCII."""
    return "".join(report_text(report, indent=indent))


@dataclasses.dataclass(frozen=True, slots=True)
class ReportExtras:
    """What only the report file knows of a run: its timings and notices."""

    phases: tuple[tuple[str, float], ...] = ()
    peak_memory_bytes: int = 0
    notices: tuple[str, ...] = ()


def load_report_extras(path: Path) -> ReportExtras:
    """Timings and notices of a stored report; nothing when there is no readable one."""
    try:
        data = json.loads(path.read_text(encoding="ascii"))
        return ReportExtras(
            phases=tuple((str(name), float(seconds)) for name, seconds in data["phases"].items()),
            peak_memory_bytes=int(data["peak_memory_bytes"]),
            notices=tuple(map(str, data["notices"])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ReportExtras()
