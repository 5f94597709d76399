"""Pushes over HTTP, to git's own `http-backend`: the words of hooks, leases and unknown ends are the same there."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.publication import PushState
from tests.remotes.conftest import PERMIT, Shared, of
from tests.runs import branch, request


class Backend(BaseHTTPRequestHandler):
    """`git http-backend` as a web server calls it (`git help http-backend`)."""

    root: Path

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=self.rfile.read(length), capture_output=True, env=environment, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split(" ")[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def over_http(shared: Shared) -> Iterator[Shared]:
    """The remote at an address of a web server."""
    handler = type("Here", (Backend,), {"root": shared.remote.parent})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shared.work.git("remote", "set-url", "origin", f"http://127.0.0.1:{server.server_port}/{shared.remote.name}")
    yield shared
    server.shutdown()
    server.server_close()


def test_pushed_refused_and_taken_back(over_http: Shared) -> None:
    shared, before = over_http, over_http.there("x")
    shared.hook("update", 'case "$1" in *y) echo "y is frozen" >&2; exit 1;; esac')
    report = shared.run(push=True)
    assert shared.there("x") == shared.here("x") != before
    assert "y is frozen" in branch(report, "y").detail
    undone = shared.undo(report.run.id, push=True)
    assert undone.exit_code() == 0
    assert shared.there("x") == before


def test_a_server_that_is_gone_is_an_unknown_end(over_http: Shared) -> None:
    shared = over_http
    asked = request(shared.work.path, push=True)
    plan = facade.plan(asked)
    shared.work.git("remote", "set-url", "origin", "http://user:secret@127.0.0.1:1/remote.git")
    from gitalign.core.plan import Permit

    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    assert of(report, "x").push is PushState.NOT_PUSHED
    assert report.exit_code() == 1
    assert "secret" not in branch(report, "x").detail


def test_branches_that_only_the_server_has(over_http: Shared) -> None:
    """`run --remote` over HTTP, where a hook refuses one of the two."""
    shared = over_http
    shared.hook("update", 'case "$1" in *y) echo "y is frozen" >&2; exit 1;; esac')
    for name in ("x", "y"):
        shared.work.git("branch", "-q", "-D", name)
    before, y = shared.there("x"), shared.there("y")
    asked = facade.Request(repo=shared.work.path, remote="origin", push=True)
    report = facade.run(asked, permit=PERMIT)
    assert shared.there("x") == of(report, "x").update.after != before
    assert shared.there("y") == y
    assert "y is frozen" in branch(report, "y").detail
    assert report.exit_code() == 1
    undone = shared.undo(report.run.id, push=True)
    assert undone.exit_code() == 0
    assert shared.there("x") == before
