"""A real server, in a thread of the test."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from gitalign.core.accounts import Role, Token, token_text
from gitalign.service.state import Service

DEADLINE_S = 60.0


@dataclass
class Served:
    """A server that answers.

    Attributes:
        address: of it.
        app: the application.
    """

    address: str
    app: FastAPI
    tokens: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    def token(self, role: Role = Role.ADMIN, *repositories: str) -> str:
        """A token with a role, for all repositories or these."""
        key = (role.value, repositories)
        if key not in self.tokens:
            text = token_text(secrets.token_bytes(20))
            bare = Token(
                id=secrets.token_hex(8), name=f"{role}", role=role, repositories=repositories or ("*",),
                created_at=datetime.now(UTC), created_by="test", expires_at=None,
            )  # fmt: skip
            self.service.accounts.add(bare, text=text)
            self.tokens[key] = text
        return self.tokens[key]

    @contextmanager
    def client(self, role: Role | None = Role.ADMIN, *repositories: str) -> Iterator[httpx.Client]:
        """A client with a token; without one when the role is None."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.token(role, *repositories)}"}
        with httpx.Client(
            base_url=self.address, headers=headers, timeout=DEADLINE_S, trust_env=False, verify=False
        ) as client:
            yield client


@contextmanager
def served(app: FastAPI, config: uvicorn.Config | None = None) -> Iterator[Served]:
    """The application behind uvicorn, on a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            config or uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(timeout=DEADLINE_S)


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job when it is over; its event stream says when."""
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as stream:
        if stream.status_code == 200:
            for _ in stream.iter_lines():
                pass
    answer: dict[str, Any] = client.get(f"/api/v1/jobs/{job['id']}").json()
    assert answer["state"] in ("done", "failed", "stopped"), answer
    return answer
