"""What a Python file could import, read from its text: never less than its syntax tree says."""

from __future__ import annotations

import ast
import sysconfig
import time
from pathlib import Path

import pytest

from gitalign.detect.mentions import PARENT, may_mean, module_names, words_of_imports
from gitalign.detect.python import PythonFacts, python_exports, python_file

ODD = {
    "continued": b"from a.b \\\n  import \\\n c\nimport \\\n d\n",
    "in parentheses": b"from a import (  # not ) here\n    b,\n    c as d,  # (\n)\nfrom e import f\n",
    "on one line": b"import a; import b.c as d; from e import (f); from g import h\nif x: import i\n",
    "indented": b"def f():\n    try:\n        from a import b\n    except ImportError: import c\n",
    "relative": b"from . import a\nfrom .. import b\nfrom .c import d\nfrom.import e\nfrom ... \\\n import f\n",
    "carriage returns": b"import a\rfrom b import (c,\rd)\r\nfrom e \\\r\n import f\r\n",
    "behind a comment that ends like a continued line": b"# comment \\\nimport a\n",
    "in another script": "import \ufb01le\nfrom \uff41.\u0939\u093f\u0902 import \u00e9\u0301x\n".encode(),
    "with a mark of byte order": b"\xef\xbb\xbfimport a\n",
    "within a string, and behind it": b'x = \'import a\'; from b import c\ny = """\nimport (\n"""\nimport d\n',
    "in Latin-1": b"# -*- coding: latin-1 -*-\nimport \xe9a\n",
    "in UTF-7": b"# coding: utf-7\n+AGkAbQBwAG8AcgB0- a\n",
    "with a star": b"from a import *\nfrom b import \\\n *\n",
}


def modules_of(tree: ast.Module) -> set[str]:
    """Last names of modules and names that import statements mean; the parent package as `PARENT`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if alias.name != "*"}
            found |= set(node.module.split(".")) if node.module else {PARENT}
    return found


def standard_library() -> list[Path]:
    folder = Path(sysconfig.get_paths()["stdlib"])
    return sorted(
        path
        for name in ("asyncio", "email", "importlib", "json", "unittest", "xml")
        for path in folder.glob(f"{name}/*.py")
    )


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_no_import_is_overlooked(data: bytes) -> None:
    wanted = modules_of(ast.parse(data))
    words = words_of_imports(data)
    assert wanted
    assert [name for name in wanted if not may_mean(words, [name])] == []
    assert words is None or not may_mean(words, ["elsewhere"])


def test_no_import_of_the_standard_library_is_overlooked() -> None:
    files = [path.read_bytes() for path in standard_library()[::5]]
    assert len(files) > 10
    for data in files:
        try:
            wanted = modules_of(ast.parse(data))
        except (SyntaxError, ValueError):
            continue
        words = words_of_imports(data)
        assert [name for name in wanted if not may_mean(words, [name])] == []


def test_exports_by_themselves_are_those_of_the_facts() -> None:
    for data in (*ODD.values(), *(path.read_bytes() for path in standard_library()[::8])):
        facts = python_file(data).facts
        assert python_exports(data) == (facts.exports if isinstance(facts, PythonFacts) else None)


@pytest.mark.parametrize(
    "data",
    [
        b"import (" + b"# a b c\n" * 20_000,
        b"import " * 50_000,
        b"import (a); " * 50_000,
        b"import a \\\n" * 50_000,
        b"x \\\n" * 50_000 + b"import a",
        b"import (#(\n" * 50_000,
        b"from" + b" " * 50_000 + b". import",
        b"from . " * 20_000 + b"import",
    ],
    ids=["open", "repeated", "one line", "continued", "before", "comments", "blanks", "dots"],
)
def test_a_hostile_file_takes_no_time(data: bytes) -> None:
    began = time.process_time()
    words_of_imports(data)
    assert time.process_time() - began < 2


def test_which_words_mean_a_module() -> None:
    assert module_names("a/b/c.py") == {"c"}
    assert module_names("a/b/__init__.py") == {"b", PARENT}
    assert module_names("__init__.py") == frozenset()
    assert module_names("a/b.pyi") == frozenset()
