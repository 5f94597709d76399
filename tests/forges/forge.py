"""A hosting service on loopback: answers with documents of the shapes that the services publish, and with faults on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Forge:
    """The service.

    Attributes:
        answers: path, without query -> status and document; bytes are sent as they are. Status 0: the connection is closed.
        dripping: paths whose answer goes on and on, a byte at a time: in its head, or in its body.
        asked: (path with query, headers) of each request.
    """

    url: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    dripping: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving() -> Iterator[Forge]:
    """A service that is there while inside."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            forge.asked.append((self.path, dict(self.headers)))
            status, document = forge.answers.get(urlsplit(self.path).path, (404, {"message": "Not Found"}))
            if where := forge.dripping.get(urlsplit(self.path).path):
                self._drip(where)
                return
            if status == 0:
                self.connection.close()
                return
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", f"{forge.url}/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _drip(self, where: str) -> None:
            end = b"X-More: " if where == "head" else b"Content-Length: 1000000\r\n\r\n"
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n" + end)
                while not over.wait(0.02):
                    self.wfile.write(b" ")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge = Forge(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
