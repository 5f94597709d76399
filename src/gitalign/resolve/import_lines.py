"""Lines that are imports of Python, and what each binds to which name. Pure."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping

from gitalign.resolve.regions import Lines, Region, end_of

Origin = tuple[str, ...]
"""What an import binds to a name: a module, or something out of one."""
Bound = Mapping[str, Origin]


def imports(region: Region) -> Lines | None:
    """Import statements of ours with what theirs added and without what theirs removed.

    None unless every line of every side is one whole import statement without a comment, or blank, all of one indentation and with one
    line end, no name is bound to two things in the result, and something is left of what was there.
    """
    lines = (*region.ours, *region.base, *region.theirs)
    if len({_indent(line) for line in lines if line.strip()}) > 1 or not _share_one_end(lines):
        return None
    sides = [_imports_of(side) for side in (region.ours, region.base, region.theirs)]
    if any(side is None for side in sides):
        return None
    ours, base, theirs = (side or {} for side in sides)
    gone = base.keys() - theirs.keys()
    kept = [line for line in region.ours if line.strip() not in gone]
    added = [line for line in region.theirs if (statement := line.strip()) and statement not in base | ours]
    # Blank lines beneath the imports stay beneath them.
    at = max((place for place, line in enumerate(kept, start=1) if line.strip()), default=0)
    result = (*kept[:at], *added, *kept[at:])
    found = _imports_of(result)
    if not found:
        return None
    bound: dict[str, Origin] = {}
    for names in found.values():
        for name, origin in names.items():
            if bound.setdefault(name, origin) != origin:
                return None
    return result


def bound_by(statement: ast.Import | ast.ImportFrom) -> Bound | None:
    """Name -> what the statement binds to it; None where that cannot be determined, or where it binds one name twice.

    `import a.b` binds `a`, and so does `import a.c`: to the same package (Python's language reference, "The import statement").
    """
    found: dict[str, Origin] = {}
    for alias in statement.names:
        origin: Origin
        if isinstance(statement, ast.ImportFrom):
            if alias.name == "*":
                return None
            name, origin = alias.asname or alias.name, ("." * statement.level + (statement.module or ""), alias.name)
        elif alias.asname:
            name, origin = alias.asname, (alias.name,)
        else:
            name = alias.name.partition(".")[0]
            origin = (name,)
        if found.setdefault(name, origin) != origin:
            return None
    return found


def _indent(line: bytes) -> bytes:
    return line[: len(line) - len(line.lstrip())]


def _share_one_end(lines: Lines) -> bool:
    """Whether all lines end, and in the same way."""
    ends = {end_of(line) for line in lines}
    return len(ends) == 1 and b"" not in ends


def _imports_of(lines: Lines) -> dict[bytes, Bound] | None:
    """Statement -> what it binds; None when a line is anything but a whole import, or stands there twice."""
    found: dict[bytes, Bound] = {}
    for line in lines:
        statement = line.strip()
        if not statement:
            continue
        names = _bound_by_line(statement)
        if names is None or statement in found:
            return None
        found[statement] = names
    return found


def _bound_by_line(statement: bytes) -> Bound | None:
    if b"#" in statement or b";" in statement:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(statement).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Import | ast.ImportFrom):
        return None
    if isinstance(body[0], ast.ImportFrom) and body[0].module == "__future__":
        return None
    return bound_by(body[0])
