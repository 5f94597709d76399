"""The start-up check: a service is started the way its source allows, on loopback, and asked for a page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitalign.core.report import Verdict
from gitalign.core.validation import CheckStatus, CommandCheck, StartupCheck
from gitalign.validate.startup import startup_command
from tests.git.workspace import Workspace
from tests.runs import branch, run

# A stand-in for uvicorn that any machine has: takes the same words, serves an application of two functions.
SERVER = b"""
import argparse, importlib, http.server, sys
words = argparse.ArgumentParser()
words.add_argument("application")
words.add_argument("--factory", action="store_true")
words.add_argument("--host")
words.add_argument("--port", type=int)
asked = words.parse_args()
sys.path.insert(0, ".")
module, _, name = asked.application.partition(":")
found = getattr(importlib.import_module(module), name)
answer = found() if asked.factory else found

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(answer(self.path))
        self.end_headers()

http.server.HTTPServer((asked.host, asked.port), Handler).serve_forever()
"""


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "repo")
    made.commit(
        "base", {"src/main.py": b"def app(path):\n    return 200\n", "src/__init__.py": b"", "server.py": SERVER}
    )
    services = {
        "factory": b"def create_app():\n    return lambda path: 204\n",
        "plain": b"def app(path):\n    return 404 if path != '/' else 200\n",
        "unsure": b"import sys\nif sys.path:\n    def create_app():\n        return lambda path: 200\n",
        "either": b"from os import getcwd as create_app\ndef app(path):\n    return 302\n",
        "breaks": b"raise RuntimeError('no configuration')\n",
        "hangs": b"import time\ntime.sleep(1000)\n",
        "error": b"def app(path):\n    return 500\n",
        "gone": None,
    }
    for name, content in services.items():
        made.switch(name, "main")
        made.commit(name, {"src/main.py": content})
    made.switch("main")
    made.commit("on", {"other": b""})
    return made


def test_services_are_started_the_way_they_allow(work: Workspace) -> None:
    report = run(
        work.path,
        validation__startup={"server": [sys.executable, "server.py"], "timeout_seconds": 3},
        validation__rerun_failed=False,
    )
    ended = {
        name: next(check for check in branch(report, name).result.validation.checks)
        for name in ("factory", "plain", "unsure", "either", "breaks", "hangs", "error", "gone")
    }
    assert {name: check.status for name, check in ended.items()} == {
        "factory": CheckStatus.PASSED,
        "plain": CheckStatus.PASSED,
        "unsure": CheckStatus.PASSED,
        "either": CheckStatus.PASSED,
        "breaks": CheckStatus.FAILED,
        "hangs": CheckStatus.FAILED,
        "error": CheckStatus.FAILED,
        "gone": CheckStatus.FAILED,
    }
    assert "--factory" in ended["factory"].output
    assert "answered 204" in ended["factory"].output
    assert "--factory" not in ended["plain"].output
    assert "src.main:app" in ended["either"].output
    assert "no configuration" in ended["breaks"].output
    assert "no answer within 3 s" in ended["hangs"].output
    assert "answered 500" in ended["error"].output
    assert "no src/main.py" in ended["gone"].reason
    assert branch(report, "factory").verdict is Verdict.ALIGNED
    assert branch(report, "hangs").verdict is Verdict.FAILED


def test_a_missing_server_is_a_failure(work: Workspace) -> None:
    report = run(work.path, only=("plain",), validation__startup={"server": ["no-such-server-at-all"]})
    (check,) = branch(report, "plain").result.validation.checks
    assert check.status is CheckStatus.MISSING_TOOL
    assert branch(report, "plain").verdict is Verdict.FAILED


def test_the_command_follows_the_source() -> None:
    def words(source: bytes | None, module: str = "src/main.py") -> str:
        made = startup_command(StartupCheck(module=module), source)
        return " ".join(made.argv) if isinstance(made, CommandCheck) else made

    assert words(b"def create_app(): ...").endswith("--way uvicorn src.main:create_app --factory")
    assert words(b"# def create_app(): ...\ncreate_application = app = 1").endswith("--way uvicorn src.main:app")
    assert words(b"def broken(").endswith("--way uvicorn src.main:create_app --factory --way uvicorn src.main:app")
    assert words(b"", "service/__init__.py").endswith("uvicorn service:app")
    assert words(None) == "there is no src/main.py to start"
