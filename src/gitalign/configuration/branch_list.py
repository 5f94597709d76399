"""The branch list: `categorized_branches.json` in the four shapes that exist, read into one.

Every fault is reported with the index of its entry and the field. Whether a branch or target exists is not asked here;
planning does that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitalign.core.branch import ListedBranch
from gitalign.errors import BranchListError
from gitalign.input_file import Unreadable, read_bounded

_LARGEST_BYTES = 64 * 1024 * 1024
_MOST_FAULTS = 50
_NAMES = ("branch_name", "branch", "name")
_TARGETS = ("assigned_target", "target", "integration_target")
_HINT = 'a list of {"branch": NAME, "target": TARGET} is enough; git align categorize -o FILE writes one; without --input git-align takes every branch with the target it is nearest to'


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchList:
    """All entries of a file.

    Attributes:
        shape: `list`, `detailed list`, `branches` or `mapping`.
        source: path of the file.
    """

    shape: str
    source: str
    entries: tuple[ListedBranch, ...]


def load_branch_list(path: Path) -> BranchList:
    """Read a branch list.

    Raises:
        BranchListError: with every fault; `faults` lists them one by one.
    """
    data = _read(path)
    shape, rows = _shape(data, path)
    faults: list[str] = []
    entries = [entry for index, row in enumerate(rows) if (entry := _entry(index, row, faults)) is not None]
    if faults:
        shown = faults[:_MOST_FAULTS]
        more = f"; and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
        raise BranchListError(f"{path}: {'; '.join(shown)}{more}", faults=tuple(faults), hint=_HINT)
    return BranchList(shape=shape, source=str(path), entries=tuple(entries))


def _read(path: Path) -> Any:
    try:
        text = read_bounded(path, most_bytes=_LARGEST_BYTES).decode("utf-8-sig")
    except Unreadable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            message = f"{path} does not exist; a categoriser writes this file, or you do"
            raise BranchListError(message, hint=_HINT) from error
        raise BranchListError(error.message, hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise BranchListError(f"{path} is not UTF-8: byte {error.start}", hint="save it as UTF-8") from error
    if not text.strip():
        raise BranchListError(f"{path} is empty", hint="an empty list is written as []")
    try:
        return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BranchListError(
            f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}", hint=_HINT
        ) from error
    except RecursionError as error:
        raise BranchListError(f"{path} is nested too deeply", hint=_HINT) from error
    except ValueError as error:
        raise BranchListError(f"{path}: {error}", faults=(str(error),), hint=_HINT) from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _shape(data: Any, path: Path) -> tuple[str, list[Any]]:
    if isinstance(data, list):
        detailed = any(
            isinstance(row, dict)
            and row.keys() & {"cluster_id", "tags", "confidence", "secondary_targets", "reasoning", "metrics"}
            for row in data
        )
        return ("detailed list" if detailed else "list"), data
    if isinstance(data, dict) and "branches" in data:
        branches = data["branches"]
        if isinstance(branches, list):
            return "branches", branches
        if isinstance(branches, dict):
            return "mapping", [
                {"branch_name": name, **row} if isinstance(row, dict) else {"branch_name": name, "": row}
                for name, row in branches.items()
            ]
        raise BranchListError(f"{path}: `branches` must be a list or an object, not {_kind(branches)}", hint=_HINT)
    found = "an object without `branches`" if isinstance(data, dict) else _kind(data)
    raise BranchListError(f"{path}: a list of branches is expected, found {found}", hint=_HINT)


def _entry(index: int, row: Any, faults: list[str]) -> ListedBranch | None:
    if not isinstance(row, Mapping):
        faults.append(f"entry {index}: an object is expected, found {_kind(row)}")
        return None
    if "" in row:
        faults.append(f"entry {index} ({row['branch_name']!r}): an object is expected, found {_kind(row[''])}")
        return None
    before = len(faults)
    name = _name(index, row, faults)
    target = _text(index, row, _TARGETS, faults)
    confidence = _confidence(index, row, faults)
    tags = _tags(index, row, faults)
    cluster = row.get("cluster_id")
    if cluster is not None and (isinstance(cluster, bool) or not isinstance(cluster, str | int)):
        faults.append(f"entry {index}, cluster_id: a number or text is expected, found {_kind(cluster)}")
    priority = row.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int):
        faults.append(f"entry {index}, priority: a whole number is expected, found {_kind(priority)}")
    reason = next(
        (
            row[key]
            for key in ("reason", "reasoning", "decision_rationale", "justification")
            if isinstance(row.get(key), str) and row[key].strip()
        ),
        "listed",
    )
    if len(faults) > before or name is None:
        return None
    return ListedBranch(
        index=index,
        name=name,
        target=target,
        confidence=confidence,
        tags=tags,
        cluster_id=cluster,
        priority=priority,
        reason=str(reason),
        metrics=_metrics(row.get("metrics")),
    )


def _name(index: int, row: Mapping[str, Any], faults: list[str]) -> str | None:
    key = next((key for key in _NAMES if key in row), None)
    if key is None:
        faults.append(f"entry {index}: the field branch_name (or branch) is missing")
        return None
    value = row[key]
    if not isinstance(value, str):
        faults.append(f"entry {index}, {key}: text is expected, found {_kind(value)}")
        return None
    name = value.removeprefix("refs/heads/")
    if not name.strip() or "\0" in name or "\n" in name:
        faults.append(f"entry {index}, {key}: {value!r} is no branch name")
        return None
    return name


def _text(index: int, row: Mapping[str, Any], keys: tuple[str, ...], faults: list[str]) -> str | None:
    key = next((key for key in keys if key in row), None)
    value = row.get(key) if key is not None else None
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        faults.append(f"entry {index}, {key}: a branch name is expected, found {_kind(value)}")
        return None
    return value.removeprefix("refs/heads/")


def _confidence(index: int, row: Mapping[str, Any], faults: list[str]) -> float | None:
    value = row.get("confidence")
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= 1:
        faults.append(f"entry {index}, confidence: a number from 0 to 1 is expected, found {value!r}")
        return None
    return float(value)


def _tags(index: int, row: Mapping[str, Any], faults: list[str]) -> tuple[str, ...]:
    value = row.get("tags")
    if value is None:
        return ()
    if not isinstance(value, list):
        faults.append(f"entry {index}, tags: a list of texts is expected, found {_kind(value)}")
        return ()
    for position, tag in enumerate(value):
        if not isinstance(tag, str):
            faults.append(f"entry {index}, tags[{position}]: text is expected, found {_kind(tag)}")
    return tuple(tag for tag in value if isinstance(tag, str))


def _metrics(value: Any) -> tuple[tuple[str, float], ...]:
    """Every number of an entry's `metrics`: by its own name, or by `group.name` where that name stands twice."""
    found: dict[str, list[tuple[str, float]]] = {}
    groups = {"": value, **value} if isinstance(value, Mapping) else {}
    for group, numbers in groups.items():
        for name, number in numbers.items() if isinstance(numbers, Mapping) else ():
            if _is_number(number):
                found.setdefault(str(name), []).append((f"{group}.{name}" if group else str(name), float(number)))
    return tuple(sorted((name, same[0][1]) if len(same) == 1 else one for name, same in found.items() for one in same))


def _is_number(value: Any) -> bool:
    """A number that a float can hold."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, int | float):
        return f"the number {str(value)[:40]}"
    return "a list" if isinstance(value, list) else "an object"
