"""Files that the grammar of their language does not take, in languages without a parser in Python (extra `languages`).

The grammars are those of tree-sitter, each in a package that brings it compiled: nothing is fetched when it is used. They are good and not perfect:
macros of C and newest syntax are refused by some, so what they say of one file alone weighs little. That both sides are taken and their
merge is not weighs much.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from gitalign.core.findings import Severity
from gitalign.detect.spots import Spot, is_text
from gitalign.errors import PluginError

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point

_LONGEST = 500_000
_LONGEST_S = 5.0
_CHUNK = 65_536
_TEMPLATE = re.compile(rb"\{%|<%")


@dataclass(frozen=True, slots=True)
class _Grammar:
    """A grammar: what it is called, the package it comes in, and the function there."""

    title: str
    package: str
    function: str = "language"
    alone: Severity = Severity.WARNING
    """Weight of what it says of one file."""


# Before their macros are expanded, many sound files of these are none to a grammar.
_C = _Grammar("C", "tree-sitter-c", alone=Severity.INFO)
_CPP = _Grammar("C++", "tree-sitter-cpp", alone=Severity.INFO)
_JAVASCRIPT = _Grammar("JavaScript", "tree-sitter-javascript")
_TSX = _Grammar("TypeScript", "tree-sitter-typescript", "language_tsx")
_TYPESCRIPT = _Grammar("TypeScript", "tree-sitter-typescript", "language_typescript")
_BY_ENDING: dict[bytes, tuple[_Grammar, ...]] = {
    **dict.fromkeys((b"js", b"jsx", b"mjs", b"cjs"), (_JAVASCRIPT, _TSX)),
    **dict.fromkeys((b"ts", b"mts", b"cts"), (_TYPESCRIPT,)),
    b"tsx": (_TSX,),
    b"go": (_Grammar("Go", "tree-sitter-go"),),
    b"rs": (_Grammar("Rust", "tree-sitter-rust"),),
    b"java": (_Grammar("Java", "tree-sitter-java"),),
    b"c": (_C,),
    b"h": (_C, _CPP),
    **dict.fromkeys((b"cc", b"cpp", b"cxx", b"hh", b"hpp", b"hxx"), (_CPP,)),
    **dict.fromkeys((b"sh", b"bash"), (_Grammar("Bash", "tree-sitter-bash"),)),
    b"css": (_Grammar("CSS", "tree-sitter-css"),),
}
"""Grammars by ending; a file is taken when one of them takes it (headers of C++, JavaScript with types)."""


class LanguageScanner:
    """`syntax_error` in JavaScript, TypeScript, Go, Rust, Java, C, C++, Bash and CSS.

    Raises:
        PluginError: a grammar is not installed.
    """

    name = "languages"

    def __init__(self) -> None:
        grammars = sorted({one for several in _BY_ENDING.values() for one in several}, key=lambda one: one.package)
        try:
            from tree_sitter import Language

            self._languages: dict[_Grammar, Language] = {
                one: Language(getattr(import_module(one.package.replace("-", "_")), one.function)()) for one in grammars
            }
        except ImportError as error:
            raise PluginError(
                f"detector 'languages' needs tree-sitter and its grammars: {error.name or error} is not installed",
                hint="pip install 'git-align[languages]', or take it out of detection.detectors",
            ) from error
        packages = ["tree-sitter", *sorted({one.package for one in grammars})]
        self.version = " ".join(f"{package} {version(package)}" for package in packages)

    def wants(self, path: bytes) -> bool:
        """True for files whose language is known by their ending; what is minified is made by a tool."""
        name = path.lower()
        return name.rpartition(b".")[2] in _BY_ENDING and b".min." not in name

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """At most one spot: after the first error a grammar guesses.

        Raises:
            TimeoutError: the file takes too long to be judged.
        """
        if len(data) > _LONGEST or not is_text(data):
            return ()
        until = time.monotonic() + _LONGEST_S
        spots: list[Spot] = []
        for grammar in _BY_ENDING[path.lower().rpartition(b".")[2]]:
            fault = self._fault(grammar, data, until=until)
            if fault is None or _TEMPLATE.search(data):
                return ()
            line, words = fault
            spots.append(
                Spot(
                    code="syntax_error",
                    severity=grammar.alone,
                    message=f"{grammar.title}: {words}",
                    line=line,
                    key="syntax error",
                    when_merged=Severity.CRITICAL,
                )
            )
        return spots[:1]

    def _fault(self, grammar: _Grammar, data: bytes, *, until: float) -> tuple[int, str] | None:
        from tree_sitter import Parser

        def part(start: int, _: Point) -> bytes:
            return data[start : start + _CHUNK]

        def is_too_long(_: int, __: bool) -> bool:
            return time.monotonic() > until

        # A parser is not to be shared by threads; making one costs microseconds.
        parser = Parser(self._languages[grammar])
        try:
            tree = parser.parse(part, progress_callback=is_too_long)
        except ValueError as error:
            if time.monotonic() < until:
                raise
            raise TimeoutError(f"not judged within {_LONGEST_S:g} s") from error
        return _first_fault(tree.root_node) if tree.root_node.has_error else None


def _first_fault(root: Node) -> tuple[int, str]:
    node: Node | None = root
    while node is not None:
        if node.is_missing:
            return node.start_point.row + 1, f"{node.type} is missing"
        if node.is_error:
            return node.start_point.row + 1, "cannot be read from here on"
        node = next((child for child in node.children if child.is_error or child.is_missing or child.has_error), None)
    return 1, "cannot be read"
