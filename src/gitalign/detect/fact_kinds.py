"""What detectors find out about contents, and what of it is kept from run to run: never what a file could not be judged for.

What depends on the depth of the stack, on memory or on time is found out again.
"""

from __future__ import annotations

from typing import Any

from gitalign.detect.files import VERSION
from gitalign.detect.judging import Unjudged
from gitalign.detect.mentions import Words
from gitalign.detect.python import Import, PythonFacts, PythonFile
from gitalign.detect.spots import Spot
from gitalign.ports import FactKind

Exports = frozenset[str]


def spots_of_scanner(key: str, *, is_dear: bool) -> FactKind[tuple[Spot, ...] | Unjudged]:
    """What a scanner sees in a file.

    Args:
        key: changes whenever the scanner's rules do.
        is_dear: scanning costs more than asking a database. Of such scanners, files in which nothing was seen are kept: what is
            seen may be a secret, which is written nowhere else.
    """
    if not is_dear:
        return FactKind(name=key)
    return FactKind(name=key, dump=lambda seen: [] if seen == () else None, load=_nothing)


def _nothing(value: Any) -> tuple[Spot, ...]:
    if value != []:
        raise ValueError("spots are not kept")
    return ()


def _dump_file(value: PythonFile) -> Any:
    facts = value.facts
    if value.fault is not None and not isinstance(value.fault, Unjudged) and facts is None:
        return {"fault": list(value.fault)}
    if value.fault is not None or not isinstance(facts, PythonFacts):
        return None
    return {
        "exports": None if facts.exports is None else sorted(facts.exports),
        "imports": [[one.module, one.level, one.names, one.line, one.is_optional] for one in facts.imports],
        "unbound": facts.unbound,
        "attributes": [[*pair, line] for pair, line in facts.attributes.items()],
        "modules": facts.modules,
    }


def _load_file(value: Any) -> PythonFile:
    if "fault" in value:
        message, line = value["fault"]
        return PythonFile((_text(message), None if line is None else _number(line)), None)
    exports = value["exports"]
    facts = PythonFacts(
        exports=None if exports is None else frozenset(map(_text, exports)),
        imports=tuple(
            Import(_text(module), _number(level), tuple(map(_text, names)), _number(line), bool(is_optional))
            for module, level, names, line, is_optional in value["imports"]
        ),
        unbound={_text(name): _number(line) for name, line in value["unbound"].items()},
        attributes={(_text(local), _text(name)): _number(line) for local, name, line in value["attributes"]},
        modules={_text(local): (_text(module), _number(level)) for local, (module, level) in value["modules"].items()},
    )
    return PythonFile(None, facts)


def _load_exports(value: Any) -> Exports:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return frozenset(map(_text, value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("not a number")
    return value


PYTHON_FILE: FactKind[PythonFile] = FactKind(name=f"python {VERSION}", dump=_dump_file, load=_load_file)
PYTHON_EXPORTS: FactKind[Exports | None] = FactKind(
    name=f"python exports {VERSION}",
    dump=lambda exports: None if exports is None else sorted(exports),
    load=_load_exports,
)
PYTHON_IMPORTS: FactKind[Words | None] = FactKind(name=f"python imports {VERSION}")
"""Cheaper to find out than to fetch."""
