"""What is known of contents from run to run: the same verdicts with it and without, whatever became of it meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.findings import Severity
from gitalign.core.outcome import Failed
from gitalign.detect.fact_kinds import PYTHON_EXPORTS, PYTHON_FILE, spots_of_scanner
from gitalign.detect.judging import Unjudged
from gitalign.detect.python import PythonFile, python_exports, python_file
from gitalign.detect.spots import Spot
from gitalign.git.file_facts import KeptFacts
from tests.git.workspace import Workspace
from tests.runs import branch, run

AT = datetime(2026, 1, 1, tzinfo=UTC)
BLOB = b"\1" * 20
SOURCE = b"""
from . import near
from a.b import c as d, e
import f.g as h
try:
    import i
except ImportError:
    pass
class K: x = h.value
def m(): return unknown + d.name
"""
TARGET = b"def parse(x):\n    return x\n\n\n" + b"".join(b"# line %d\n" % number for number in range(12))


class Cache(dict[str, str]):
    """`ports.VerdictCache` in memory."""

    def look_up(self, keys: Iterable[str]) -> Mapping[str, str]:
        return {key: self[key] for key in keys if key in self}

    def keep(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        self.update(verdicts)


@pytest.mark.parametrize("data", [SOURCE, b"from a import *\n", b"def f(:\n", b"x = 1\n__getattr__ = 2\n", b""])
def test_a_later_run_knows_what_an_earlier_one_found_out(data: bytes) -> None:
    cache, value = Cache(), python_file(data)
    first = KeptFacts(cache, at=AT)
    first.keep(PYTHON_FILE, BLOB, value)
    first.keep(PYTHON_EXPORTS, BLOB, python_exports(data))
    assert not cache
    first.flush()
    later = KeptFacts(cache, at=AT)
    assert later.recall(PYTHON_FILE, BLOB) is None
    later.look_up(PYTHON_FILE, [BLOB])
    assert later.recall(PYTHON_FILE, BLOB) == (value,)
    later.look_up(PYTHON_EXPORTS, [BLOB])
    exports = python_exports(data)
    assert later.recall(PYTHON_EXPORTS, BLOB) == (None if exports is None else (exports,))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[: len(body) // 2],
        lambda body: "",
        lambda body: "[]",
        lambda body: body.replace(BLOB.hex(), "00" * 20),
        lambda body: body.replace("file-fact", "pair"),
        lambda body: json.dumps({**json.loads(body), "fact": None}),
        lambda body: json.dumps({**json.loads(body), "fact": {"exports": [1]}}),
        lambda body: json.dumps({**json.loads(body), "fact": {**json.loads(body)["fact"], "modules": {"a": 1}}}),
        lambda body: json.dumps({**json.loads(body), "fact": {**json.loads(body)["fact"], "unbound": {"a": "1"}}}),
        lambda body: json.dumps({**json.loads(body), "version": "9.0"}),
    ],
)
def test_what_cannot_be_read_is_found_out_again(spoil: Any) -> None:
    cache = Cache()
    first = KeptFacts(cache, at=AT)
    first.keep(PYTHON_FILE, BLOB, python_file(SOURCE))
    first.flush()
    (key,) = cache
    cache[key] = spoil(cache[key])
    later = KeptFacts(cache, at=AT)
    later.look_up(PYTHON_FILE, [BLOB])
    assert later.recall(PYTHON_FILE, BLOB) is None


def test_nothing_is_kept_of_a_file_that_could_not_be_judged_and_no_secret() -> None:
    cache, kind = Cache(), spots_of_scanner("secrets", is_dear=True)
    facts = KeptFacts(cache, at=AT)
    facts.keep(PYTHON_FILE, BLOB, PythonFile(Unjudged("RecursionError"), None))
    facts.keep(PYTHON_FILE, b"\2" * 20, PythonFile(None, None))
    facts.keep(PYTHON_FILE, b"\3" * 20, PythonFile(None, Unjudged("MemoryError")))
    facts.keep(kind, BLOB, (Spot("secret", Severity.CRITICAL, "a key", 1, "hush"),))
    facts.keep(kind, b"\2" * 20, Unjudged("TimeoutError"))
    facts.keep(spots_of_scanner("markers", is_dear=False), BLOB, ())
    facts.flush()
    assert not cache
    facts.keep(kind, BLOB, ())
    facts.flush()
    later = KeptFacts(cache, at=AT)
    later.look_up(kind, [BLOB, b"\2" * 20])
    assert later.recall(kind, BLOB) == ((),)
    assert later.recall(kind, b"\2" * 20) is None


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"lib/__init__.py": b"", "lib/text.py": TARGET})
    work.switch("topic", "main")
    work.commit("renames", {"lib/text.py": TARGET.replace(b"def parse(", b"def parse_line("), "more.py": b"x = 1\n"})
    work.switch("main")
    work.commit("uses", {"use.py": b"from lib.text import parse\n\nprint(parse(1))\n"})
    return work


def test_a_second_run_parses_nothing_and_says_the_same(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    first = branch(run(work.path), "topic").result
    assert isinstance(first.outcome, Failed)
    assert [one.code for one in first.outcome.findings] == ["symbol_removed_in_use"]
    parsed: list[bytes] = []

    def counted(data: bytes) -> PythonFile:
        parsed.append(data)
        return python_file(data)

    def exports(data: bytes) -> frozenset[str] | None:
        parsed.append(data)
        return python_exports(data)

    for module in ("builtin", "python_detector"):
        monkeypatch.setattr(f"gitalign.detect.{module}.python_file", counted)
    monkeypatch.setattr("gitalign.detect.python_detector.python_exports", exports)
    work.switch("main")
    work.commit("on", {"other": b"1\n"})
    again = branch(run(work.path), "topic").result
    assert isinstance(again.outcome, Failed)
    assert again.outcome.findings == first.outcome.findings
    # What only the target changed is looked up nowhere: it is parsed where it could be affected.
    assert [data for data in parsed if b"import parse" not in data] == []

    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database, database:
        changed = database.execute("UPDATE verdicts SET body = substr(body, 1, 40) WHERE body LIKE '%file-fact%'")
        assert changed.rowcount > 2
    third = branch(run(work.path), "topic").result
    assert isinstance(third.outcome, Failed)
    assert third.outcome.findings == first.outcome.findings
    assert b"x = 1\n" in parsed
