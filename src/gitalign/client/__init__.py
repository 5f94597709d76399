"""A client of the service, with the names of its API: `Client` waits for answers, `AsyncClient` is awaited (extra `client`).

with Client("https://align.example.org", token) as client:
    job = client.wait(client.plan("shop"))
    run = client.wait(client.run("shop", job["plan_id"]))
"""

from __future__ import annotations

from gitalign.client.asynchronous import AsyncClient
from gitalign.client.calls import Problem, StreamedEvent
from gitalign.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "Problem", "StreamedEvent"]
