"""Object stores that a store borrows from (`git help gitrepository-layout`, objects/info/alternates)."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gitalign.git.command import raw

_DEEPEST = 5
"""git's bound on nesting (object-file.c, link_alt_odb_entries)."""


def object_stores(objects: Path, borrowed: Sequence[Path] = ()) -> tuple[Path, ...]:
    """A store and all that it stands on, those that stand on others after them.

    In this order no store's own alternates say anything new, so a list of them adds no nesting, of which git follows
    only so much.

    Args:
        objects: an object directory.
        borrowed: further ones, as `GIT_ALTERNATE_OBJECT_DIRECTORIES` names them.
    """
    found: dict[Path, None] = {}
    for store in (*borrowed, objects):
        _follow(store, 0, found)
    return tuple(found)


def _follow(store: Path, depth: int, found: dict[Path, None]) -> None:
    with suppress(OSError):
        place = store.resolve(strict=True)
        if place in found:
            return
        waiting = dict.fromkeys(_alternates(place)) if depth <= _DEEPEST else {}
        for one in waiting:
            _follow(one, depth + 1, found)
        found[place] = None


def _alternates(store: Path) -> Iterator[Path]:
    file = store / "info" / "alternates"
    lines = file.read_bytes().split(b"\n") if file.is_file() else []
    for line in lines:
        if line and not line.startswith(b"#"):
            yield store / os.fsdecode(_unquoted(line))


def borrowed_stores(named: str) -> tuple[Path, ...]:
    """The directories in a value of `GIT_ALTERNATE_OBJECT_DIRECTORIES`, absolute (`git help git`)."""
    found: list[Path] = []
    rest = os.fsencode(named)
    while rest:
        if rest.startswith(b'"') and (end := _end_of_quoted(rest)):
            word, rest = _unquoted(rest[:end]), rest[end:].removeprefix(b":")
        else:
            word, _, rest = rest.partition(b":")
        if word:
            found.append(Path(os.path.abspath(os.fsdecode(word))))
    return tuple(found)


def _end_of_quoted(text: bytes) -> int:
    at = 1
    while at < len(text):
        if text[at : at + 1] == b'"':
            return at + 1
        at += 2 if text[at : at + 1] == b"\\" else 1
    return 0


def _unquoted(word: bytes) -> bytes:
    """A word that may be quoted like C (quote.c, unquote_c_style); one that is not quoted well is taken as it is."""
    if not word.startswith(b'"'):
        return word
    literal = "b" + "".join(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in word)
    try:
        made = ast.literal_eval(literal)
    except (SyntaxError, ValueError):
        return word
    return made if isinstance(made, bytes) else word


def alternates_file(stores: Sequence[Path]) -> bytes:
    """Content of `info/alternates` for stores, in their order."""
    lines = (_quoted(path) if path.startswith(('"', "#")) or "\n" in path else path for path in map(str, stores))
    return b"".join(raw(line) + b"\n" for line in lines)


def alternates_variable(stores: Sequence[Path]) -> str:
    """Value of `GIT_ALTERNATE_OBJECT_DIRECTORIES` for stores, in their order."""
    return ":".join(_quoted(path) if path.startswith('"') or ":" in path else path for path in map(str, stores))


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
