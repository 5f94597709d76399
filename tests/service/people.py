"""A server with people, and browsers that sign in to it through a proxy that ends TLS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gitalign.core.accounts import Role
from gitalign.service.application import create_app
from gitalign.service.people import new_user
from gitalign.service.serving import uvicorn_config
from gitalign.service.settings import settings_of
from tests.service.serving import Served, served

PASSWORD = "four words and a half"
SAME = {"Sec-Fetch-Site": "same-origin"}
_NUMBERS = itertools.count(1)


@contextmanager
def with_people(file: Path, **more: Any) -> Iterator[Served]:
    """A server; ada administers, and no one works."""
    settings = settings_of(
        {
            "database": {"file": file},
            "limits": {"sign_ins_per_minute": 3},
            "server": {"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]},
            "work": {"workers": 0},
            **more,
        },
        whole="test",
    )
    app = create_app(settings)
    with served(app, uvicorn_config(settings, app)) as running:
        new_user(running.service.database, "ada", role=Role.ADMIN, password=PASSWORD, actor="test")
        yield running


@contextmanager
def visiting(server: Served) -> Iterator[httpx.Client]:
    """A browser without scripts, at an address that no other has."""
    headers = {
        "X-Forwarded-For": f"192.0.2.{next(_NUMBERS)}",
        "X-Forwarded-Proto": "https",
        "Accept": "text/html",
    }
    with httpx.Client(base_url=server.address, headers={**SAME, **headers}, trust_env=False, timeout=60) as client:
        yield client
    server.service.throttle.forget_failures()


def sign_in(client: httpx.Client, name: str = "ada", password: str = PASSWORD, **headers: str) -> httpx.Response:
    """Sign in; httpx keeps no `Secure` cookie of a site without TLS, so it is given back by hand."""
    answer = client.post("/sign-in", data={"name": name, "password": password, "next": "/jobs"}, headers=headers)
    if answer.status_code == 303:
        client.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
    return answer
