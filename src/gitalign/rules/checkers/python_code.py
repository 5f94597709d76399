"""The looks at Python code: only what the branch added or changed counts."""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict

from gitalign.core.rule_checks import PythonCheck, PythonLook
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.checkers.python_places import Place, places
from gitalign.rules.evidence import ChangedFile, Evidence, Judged, readable

_BY_DEFINITION = frozenset({PythonLook.DOCSTRINGS, PythonLook.RETURN_ANNOTATIONS})


def judge_python(check: PythonCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Docstrings and annotations are counted by definition, everything else by file."""
    files, unjudged = readable(evidence, requirement)
    unjudged = [spot for spot in unjudged if _is_python(spot.path or "")]
    spots: list[Spot] = []
    fine = judged = 0
    for file, data in files:
        if not _is_python(file.path):
            continue
        evidence.spend()
        tree = _parsed(data)
        if isinstance(tree, str):
            unjudged.append(Spot(file.path, None, tree))
            continue
        mine = _of_the_branch(check.look, tree, file, evidence)
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


def _of_the_branch(look: PythonLook, tree: ast.Module, file: ChangedFile, evidence: Evidence) -> list[Place]:
    """Places whose lines the branch touched, and those that were in order before it."""
    added = evidence.added(file)
    old = evidence.before(file)
    found = places(look, tree, is_new=old is None)
    was = _parsed(old) if old is not None and any(place.key and place.fault for place in found) else ""
    faults: dict[str, set[str | None]] = defaultdict(set)
    for place in places(look, was, is_new=False) if not isinstance(was, str) else ():
        faults[place.key].add(place.fault)
    return [
        place
        for place in found
        if not added.isdisjoint(range(place.first, place.last + 1))
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
