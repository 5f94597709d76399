"""Files that no parser of their language takes: Python, JSON, YAML, TOML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence

from gitalign.core.findings import Severity
from gitalign.detect.python import Fault, python_fault
from gitalign.detect.spots import Spot, is_text

_LONGEST = 2_000_000
# Templates of these are no files of the language yet; JSON with comments has readers of its own.
_TEMPLATE = re.compile(rb"\{\{|\{%|<%")
_WITH_COMMENTS = re.compile(
    rb"(^|/)(\.vscode|\.devcontainer)/|(^|/)([jt]sconfig[^/]*|\.eslintrc|\.jshintrc|\.babelrc|api-extractor|devcontainer)(\.json)?$"
)


class SyntaxScanner:
    """`syntax_error`: the file cannot be read by the programs that read such files."""

    name = "syntax"

    def wants(self, path: bytes) -> bool:
        """True for files whose language is known by their ending."""
        return _parser_of(path) is not None

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """At most one spot: parsers stop at the first error."""
        parse = _parser_of(path)
        if parse is None or len(data) > _LONGEST:
            return ()
        if not is_text(data):
            # Whatever else that may be under its name, Python does not take it.
            is_code = parse is python_fault
            return (
                [Spot("syntax_error", Severity.CRITICAL, "Python: NUL bytes", None, "syntax error")] if is_code else ()
            )
        return spots_of(parse(data))


def spots_of(fault: Fault | None) -> tuple[Spot, ...]:
    """What is reported of a file's first fault."""
    if fault is None:
        return ()
    words, line = fault
    # Lines move when sides are merged, and a parser's first error moves with them: one error is as good as another.
    return (Spot("syntax_error", Severity.CRITICAL, words, line, "syntax error"),)


def is_read_as_python(path: bytes, data: bytes) -> bool:
    """True for files that `SyntaxScanner` has Python's parser read."""
    return _parser_of(path) is python_fault and len(data) <= _LONGEST and is_text(data)


def _parser_of(path: bytes) -> Callable[[bytes], Fault | None] | None:
    name = path.lower()
    if name.endswith((b".py", b".pyi")):
        return python_fault
    if name.endswith(b".json"):
        return None if _WITH_COMMENTS.search(name) else _json
    if name.endswith((b".yaml", b".yml")):
        return _yaml
    return _toml if name.endswith(b".toml") else None


def _json(data: bytes) -> Fault | None:
    if not data.strip() or _TEMPLATE.search(data):
        return None
    try:
        # Integers may have any number of digits; Python converts 4,300 at most.
        json.loads(data.decode("utf-8-sig"), parse_int=len)
    except UnicodeDecodeError:
        return None  # the encoding scanner says so
    except json.JSONDecodeError as error:
        # Several documents, one a line, are a common use of the ending.
        lines = [line for line in data.split(b"\n") if line.strip()]
        if error.msg == "Extra data" and len(lines) > 1 and all(_is_json(line) for line in lines):
            return None
        return f"JSON: {error.msg}", error.lineno
    return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line, parse_int=len)
    except (ValueError, RecursionError):
        return False
    return True


def _yaml(data: bytes) -> Fault | None:
    import yaml

    if _TEMPLATE.search(data):
        return None
    try:
        plain = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Events only: no node is built, no alias expanded, no tag looked up.
        for _ in yaml.parse(plain, Loader=loader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return f"YAML: {error.problem or error.context}", mark.line + 1 if mark else None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return f"YAML: {str(error).splitlines()[0] if str(error) else 'cannot be read'}", None
    return None


def _toml(data: bytes) -> Fault | None:
    if _TEMPLATE.search(data):
        return None
    try:
        tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        return f"TOML: {error}", int(where[1]) if where else None
    return None
