"""The looks at Python code: only what the branch added or changed counts."""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gitalign.core.rule_checks import PythonCheck, PythonLook
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.checkers.python_places import MODULE, Place, places
from gitalign.rules.evidence import ChangedFile, Evidence, Judged, readable

_BY_DEFINITION = frozenset({PythonLook.DOCSTRINGS, PythonLook.RETURN_ANNOTATIONS})

Seen = Mapping[PythonLook, list[Place]]


class PythonReader:
    """Reads each version of a file once, for all looks that a branch is judged by.

    Args:
        looks: those.
    """

    def __init__(self, looks: Iterable[PythonLook]) -> None:
        self._looks = tuple(dict.fromkeys(looks))
        self._known: dict[bytes, Seen | str] = {}

    def seen(self, data: bytes, *, key: bytes) -> Seen | str:
        """What each look sees in a file, or why it cannot be read.

        Args:
            data: the file.
            key: its id.
        """
        if key not in self._known:
            tree = _parsed(data)
            try:
                found = tree if isinstance(tree, str) else {look: places(look, tree) for look in self._looks}
            except (RecursionError, ValueError) as error:  # too deep, or a number with too many digits
                found = f"cannot be read as Python: {type(error).__name__}"
            self._known[key] = found
        return self._known[key]


def judge_python(check: PythonCheck, requirement: Requirement, evidence: Evidence, reader: PythonReader) -> Judged:
    """Docstrings and annotations are counted by definition, everything else by file."""
    files, unjudged = readable(evidence, requirement)
    unjudged = [spot for spot in unjudged if _is_python(spot.path or "")]
    spots: list[Spot] = []
    fine = judged = 0
    for file, data in files:
        if not _is_python(file.path):
            continue
        evidence.spend()
        seen = reader.seen(data, key=file.after[1])
        if isinstance(seen, str):
            unjudged.append(Spot(file.path, None, seen))
            continue
        mine = _of_the_branch(seen[check.look], check.look, file, evidence, reader)
        bad = [place for place in mine if place.fault is not None]
        spots += [Spot(file.path, place.line, place.fault or "") for place in bad]
        if check.look in _BY_DEFINITION:
            judged += len(mine)
            fine += len(mine) - len(bad)
        else:
            judged += 1
            fine += not bad
    unit = "definition" if check.look in _BY_DEFINITION else "Python file"
    return Judged(unit=unit, judged=judged, fine=fine, spots=spots, unjudged=unjudged)


def _of_the_branch(
    found: list[Place], look: PythonLook, file: ChangedFile, evidence: Evidence, reader: PythonReader
) -> list[Place]:
    """Places whose lines the branch touched, and those that were in order before it."""
    added = evidence.added(file)
    old, origin = evidence.before(file), evidence.origin(file)
    faults: dict[str, set[str | None]] = defaultdict(set)
    if old is not None and origin is not None and any(place.key and place.fault for place in found):
        seen = reader.seen(old, key=origin[1])
        for place in seen[look] if not isinstance(seen, str) else ():
            faults[place.key].add(place.fault)
    return [
        place
        for place in found
        if not added.isdisjoint(range(place.first, place.last + 1))
        or (place.key == MODULE and old is None)
        or (place.key and place.fault is not None and faults.get(place.key) == {None})
    ]


def _parsed(data: bytes) -> ast.Module | str:
    """The tree, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        return f"is no Python that this version can read: {error.msg}, line {error.lineno}"
    except (ValueError, LookupError, RecursionError, MemoryError) as error:
        return f"cannot be read as Python: {type(error).__name__}"


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))
