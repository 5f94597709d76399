"""Grammars of other languages: what they say of one file weighs little, of a merge much; and they come to an end."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from gitalign.core.findings import Finding, Severity
from gitalign.core.outcome import Failed
from gitalign.detect.builtin import languages
from gitalign.detect.languages import LanguageScanner
from gitalign.detect.spots import Spot, distinguished
from gitalign.engine.runtime.plugins import load_plugins
from gitalign.errors import PluginError
from tests.detect.test_corpus import CASES
from tests.git.workspace import Workspace
from tests.runs import branch, run

BROKEN = b"let a = 1;\n\nfunction f( {\n"


def findings(tmp_path: Path, name: str) -> tuple[Finding, ...]:
    case, work = CASES[name], Workspace(tmp_path / "repo")
    work.commit("base", case.base)
    work.switch("topic", "main")
    work.commit("topic", case.topic)
    work.switch("main")
    work.commit("on", case.target)
    outcome = branch(run(work.path, detection__detectors=["languages"]), "topic").result.outcome
    found: tuple[Finding, ...] = getattr(outcome, "findings", ())
    assert isinstance(outcome, Failed) is case.refused
    return found


def test_weighs_much_when_only_the_merge_is_broken(tmp_path: Path) -> None:
    (one,) = findings(tmp_path, "prose in a comment that the target turned into code")
    assert (one.severity, one.introduced_by, one.line) == (Severity.CRITICAL, "integration", 7)


@pytest.mark.parametrize("name", ["Go that the branch broke", "Rust that the target had broken"])
def test_weighs_little_when_a_side_was_broken(tmp_path: Path, name: str) -> None:
    (one,) = findings(tmp_path, name)
    assert one.severity is Severity.WARNING


def test_weighs_little_when_a_side_is_not_known() -> None:
    spot = Spot("syntax_error", Severity.WARNING, "x", 1, "syntax error", when_merged=Severity.CRITICAL)
    (one,) = distinguished(b"a.js", "languages", [spot], target=(), branch=())
    assert (one.severity, one.introduced_by) == (Severity.WARNING, "integration")


def test_line_and_language_are_told_and_nothing_of_the_file() -> None:
    (spot,) = LanguageScanner().scan(b"src/a.js", BROKEN)
    assert (spot.line, spot.message.partition(":")[0]) == (3, "JavaScript")
    assert "function" not in spot.message


def test_many_at_once() -> None:
    scanner = LanguageScanner()
    seen: list[int] = []

    def look() -> None:
        for _ in range(30):
            seen.append(len(scanner.scan(b"a.js", BROKEN)) + len(scanner.scan(b"a.go", b"package a\n")))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 180


def test_a_file_that_takes_too_long_is_not_judged_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.detect.languages._LONGEST_S", 0.2)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        LanguageScanner().scan(b"a.sh", b"if(a){" * 80_000)
    assert time.monotonic() - began < 10
    assert LanguageScanner().scan(b"a.sh", b"if(a){" * 200_000) == ()


def test_key_names_every_grammar() -> None:
    key = getattr(languages(), "key", "")
    for package in ("tree-sitter 0.", "tree-sitter-go 0.", "tree-sitter-typescript 0."):
        assert package in key


@pytest.mark.parametrize("module", ["tree_sitter", "tree_sitter_go"])
def test_without_a_grammar_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError, match=module) as caught:
        load_plugins(detectors=["languages"], documenter=None)
    assert "git-align[languages]" in caught.value.hint
