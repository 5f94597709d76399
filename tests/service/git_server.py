"""A git server with passwords: git's own `http-backend` behind basic authentication, and ways to misbehave."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.remotes.test_over_http import Backend

USER, PASSWORD = "robot", "pass:wörd/with%odd&signs"


@dataclass
class GitServer:
    """A server.

    Attributes:
        root: holds bare repositories.
        port: it listens on.
        redirect: answer every request with a redirection to there.
        echoes: say the password of a refused request back, as a careless server might.
        looks: look for the password in processes while requests are answered.
        loses: break off instead of answering what was pushed.
        hangs: do not answer while it is set.
        seen: paths that were asked for with the right password.
        spotted: what of the password was seen in argument lists of processes while requests were answered.
    """

    root: Path
    port: int = 0
    redirect: str = ""
    echoes: bool = False
    looks: bool = False
    loses: bool = False
    hangs: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    spotted: list[str] = field(default_factory=list)

    def url(self, name: str = "remote.git") -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    @property
    def host(self) -> str:
        """As it stands in the settings of the service."""
        return f"127.0.0.1:{self.port}"


def spot(word: str) -> list[str]:
    """Argument lists and environments of processes that hold a word; this process does not count."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                said = (place / name).read_bytes()
            except OSError:
                continue
            if word.encode() in said:
                found.append(f"{place / name}: {said!r}")
    return found


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """A server while inside."""
    served = GitServer(root)
    right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Here(Backend):
        def answer(self) -> None:
            served.asked.set()
            while served.hangs.is_set():
                threading.Event().wait(0.02)
            said = self.headers.get("Authorization", "")
            if served.redirect:
                self._short(302, b"", Location=served.redirect + self.path)
            elif said != right:
                decoded = base64.b64decode(said.removeprefix("Basic "))
                body = b"you said " + decoded if served.echoes and said else b"who are you?"
                headers = {} if served.echoes and said else {"WWW-Authenticate": 'Basic realm="git"'}
                self._short(403 if served.echoes and said else 401, body, **headers)
            else:
                served.seen.append(self.path)
                if served.loses and self.path.endswith("/git-receive-pack"):
                    self.wfile = io.BytesIO()  # it is carried out, and the answer is lost
                    self.close_connection = True
                served.spotted += spot(PASSWORD) if served.looks else []
                super().answer()

        def _short(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    handler = type("Root", (Here,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        served.hangs.clear()
        server.shutdown()
        server.server_close()
