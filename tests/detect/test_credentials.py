"""Credentials: told by type, path and line; never by value, never verified, never by settings somebody else made."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from detect_secrets.settings import get_settings

from gitalign.core.findings import Severity
from gitalign.core.outlook import Aftermath
from gitalign.core.report import Report
from gitalign.detect.builtin import secrets
from gitalign.detect.credentials import SecretScanner
from gitalign.documents import reports
from gitalign.engine.runtime.plugins import load_plugins
from gitalign.errors import PluginError
from gitalign.views.report import report_page
from gitalign.views.sarif import sarif
from tests.detect.test_corpus import CLOUD_KEY, PRIVATE, RANDOM
from tests.git.workspace import Workspace
from tests.runs import branch, run

SLACK = b"xoxb-" + b"1234567890-Qw7rTz2uPoA9"
STRIPE = b"sk_live_" + b"4eC39HqLyjWDarjtT1zdp7dc"
MANY = b"\n".join(
    [b"a = '" + CLOUD_KEY + b"'", b"b = '" + SLACK + b"'", b"c = '" + STRIPE + b"'", b"d = '" + RANDOM + b"'", PRIVATE]
)


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was asked over the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def run_with_secrets(tmp_path: Path, **settings: str | list[str]) -> tuple[Workspace, Report]:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"keys.py": MANY})
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    return work, run(work.path, detection__detectors=["secrets"], **settings)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_no_network")
def test_no_value_is_in_anything_that_is_written(tmp_path: Path) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        work, report = run_with_secrets(tmp_path, orchestration__log_level="DEBUG")
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
    found = branch(report, "topic").result.outcome
    told = getattr(found, "findings", ())
    assert {one.line for one in told} == {1, 2, 3, 4, 5}
    assert {one.severity for one in told} == {Severity.CRITICAL, Severity.WARNING}
    assert {one.introduced_by for one in told} == {"branch"}
    said = [
        log.getvalue(),
        json.dumps(reports.dump(report)),
        sarif(report),
        report_page(report, name="x", summaries=(), timeline=(), range_diffs={}, after=Aftermath()),
    ]
    folder = work.path / ".git" / "gitalign"
    said += [file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file()]
    for value in (CLOUD_KEY, SLACK, STRIPE, RANDOM, PRIVATE.split(b"\n")[1]):
        assert not [one for one in said if value.decode() in one]


def test_typed_ones_refuse_where_the_operator_wants_it(tmp_path: Path) -> None:
    _, report = run_with_secrets(tmp_path, detection__refuse_introduced_by=["integration", "branch"])
    assert getattr(branch(report, "topic").result.outcome, "code", "") == "error_detection"


@pytest.mark.usefixtures("_no_network")
def test_many_at_once_and_settings_of_others_left_alone() -> None:
    before = get_settings().json()
    scanner = SecretScanner()
    expected = [(one.line, one.message) for one in scanner.scan(b"keys.py", MANY)]
    seen: list[list[tuple[int | None, str]]] = []

    def look() -> None:
        for _ in range(20):
            seen.append([(one.line, one.message) for one in scanner.scan(b"keys.py", MANY)])

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(expected) == 5
    assert seen == [expected] * 120
    assert get_settings().json() == before


def test_key_names_the_library_and_its_rules() -> None:
    key = getattr(secrets(), "key", "")
    assert "detect-secrets 1.5" in key
    assert "AWSKeyDetector" in key
    assert "IPPublicDetector" not in key
    assert load_plugins(detectors=["secrets", "markers"], documenter=None).detection_key() is not None


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "detect_secrets"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "detect_secrets", None)
    with pytest.raises(PluginError, match="detect-secrets") as caught:
        load_plugins(detectors=["secrets"], documenter=None)
    assert "git-align[secrets]" in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [b"eyJ" * 60_000, b"password" * 25_000, b" " * 200_000 + b"'deadbeef0123'", b"://" * 60_000, b"aws'" * 50_000],
    ids=["tokens", "words", "spaces", "addresses", "quotes"],
)
def test_lines_without_end_are_bounded(line: bytes) -> None:
    started = time.monotonic()
    try:
        SecretScanner().scan(b"min.js", line + b"\n" + b"x = '" + CLOUD_KEY + b"'\n")
    except TimeoutError:
        pass
    assert time.monotonic() - started < 20


def test_in_long_lines_they_are_found_too() -> None:
    (spot,) = SecretScanner().scan(b"min.js", b"var a=1;" * 5_000 + b"k='" + CLOUD_KEY + b"';" + b"b=2;" * 5_000)
    assert (spot.code, spot.line) == ("secret_suspected", 1)


def test_large_files_are_let_be() -> None:
    assert SecretScanner().scan(b"dump.sql", b"x\n" * 600_000 + CLOUD_KEY) == ()


@pytest.mark.parametrize("prefix", [b"ghp_", b"gho_", b"glpat-"])
def test_tokens_of_hosts_are_taken_whole(prefix: bytes) -> None:
    """Rules that capture a prefix alone would take all tokens of a host for one."""
    alphabet = b"Qw7rTz2uPoA9sDf4GhJkL1yXcVbN5mE8Rt3Z"
    one = prefix + alphabet[: 20 if prefix == b"glpat-" else 36]
    other = prefix + alphabet[::-1][: 20 if prefix == b"glpat-" else 36]
    found = [SecretScanner().scan(b"a.py", b"token = '" + value + b"'\n") for value in (one, other)]
    found.append(SecretScanner().scan(b"a.env", b"TOKEN=" + one + b"\n"))
    assert [[spot.severity for spot in spots] for spots in found] == [[Severity.CRITICAL]] * 3
    assert found[0][0].key != found[1][0].key
    assert found[0][0].key == found[2][0].key
