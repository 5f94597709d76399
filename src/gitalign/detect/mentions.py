"""Which modules a Python file could import: read from its text, without its syntax tree. What cannot import a module need not be parsed.

Every identifier of every import statement is among the words. What only looks like an import (in a comment, in a string) may be
among them, too: a word proves nothing, its absence does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

PARENT = "."
"""Stands among the words of a file that imports from a package around it without naming it: `from . import name`."""
Words = frozenset[str]

_IMPORT = re.compile(r"\bimport\b")
# Behind the keyword: names in parentheses, where comments may hold a parenthesis, too; else to the end of the logical line.
_IN_PARENTHESES = re.compile(r"(?:[ \t\f]|\\\n)*\((?:[^()#]++|#[^\n]*+)*+\)")
_TO_THE_END = re.compile(r"(?:\\\n|[^\n])*+")
_WORD = re.compile(r"[^\W\d]\w*")
_BARE_RELATIVE = re.compile(r"\bfrom(?:\s|\\)*\.(?:\s|\\|\.)*import\b")
# PEP 263: the encoding of a file may be declared in one of its first two lines.
_DECLARES_ENCODING = re.compile(rb"\A(?:[^\r\n]*(?:\r\n|\r|\n))?[^\r\n]*coding[:=][ \t]*([-\w.]+)")
_PLAIN = frozenset({b"utf-8", b"utf8", b"ascii", b"us-ascii"})


def words_of_imports(data: bytes) -> Words | None:
    """The words of a file's import statements, as Python spells them (NFKC); None when only its parser can read it."""
    text = plain_text(data)
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found: set[str] = set()
    end = 0
    for keyword in _IMPORT.finditer(text):
        if keyword.start() < end:
            continue  # within the last one
        start = _start(text, keyword.start(), end)
        behind = _IN_PARENTHESES.match(text, keyword.end()) or _TO_THE_END.match(text, keyword.end())
        end = behind.end() if behind else len(text)
        statement = text[start:end]
        if not statement.isascii():
            statement = unicodedata.normalize("NFKC", statement)
        found.update(_WORD.findall(statement))
        if PARENT not in found and _BARE_RELATIVE.search(statement):
            found.add(PARENT)
    return frozenset(found)


def plain_text(data: bytes) -> str | None:
    """The text of a file as Python reads it; None where its encoding is another than UTF-8."""
    declared = _DECLARES_ENCODING.match(data)
    if declared is not None and declared[1].lower() not in _PLAIN:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _start(text: str, at: int, least: int) -> int:
    """Where the logical line begins that holds a place, but not before another place."""
    start = max(least, text.rfind("\n", least, at) + 1)
    while start > least + 1 and text[start - 2] == "\\":
        start = max(least, text.rfind("\n", least, start - 1) + 1)
    return start


def may_mean(words: Words | None, names: Iterable[str]) -> bool:
    """False when none of the names is among the words. What is not ASCII may be made of more than one word of the text."""
    return words is None or any(name in words or not name.isascii() for name in names)


def module_names(path: str) -> frozenset[str]:
    """Words of which a file must hold one to import the module at a path; none for what no import means.

    `from . import name` holds no name of the package it means, only `PARENT`.
    """
    folder, _, name = path.rpartition("/")
    if name == "__init__.py":
        return frozenset({folder.rpartition("/")[2], PARENT}) if folder else frozenset()
    return frozenset({name.removesuffix(".py")}) if name.endswith(".py") else frozenset()
