"""A planted secret goes through everything that takes one, and comes out nowhere: answers, logs, events, audit trail, database."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gitalign.core.accounts import Role, token_text
from gitalign.core.secrets_in_text import without_secrets
from gitalign.service.administration import new_token, sign_in_link
from gitalign.telemetry import configure_logging
from tests.service.people import PASSWORD, sign_in, visiting, with_people

PLANTED = "pLaNtEd-pass-word-71"
CODE = "pLaNtEd-code-72"
NO_TOKEN = token_text(b"planted no token 73.")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Everything that is logged while a test runs."""
    root, file = logging.getLogger("gitalign"), tmp_path / "log"
    before = (root.handlers[:], root.level, root.propagate)
    root.handlers[:] = []
    configure_logging("DEBUG", file=file)
    yield file
    root.handlers[0].close()
    root.handlers[:], root.level, root.propagate = before


def test_everywhere(empty_database: Path, tmp_path: Path, log: Path) -> None:
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    said: list[str] = []
    secrets = [PLANTED, CODE, NO_TOKEN, PASSWORD]
    oidc = {"issuer": "http://127.0.0.1:1", "client_id": "x", "roles": {"a": "viewer"}}
    with with_people(file, oidc=oidc, limits={"sign_ins_per_minute": 100}) as server, visiting(server) as browser:
        service = server.service
        service.repositories.add("shop", "/srv/shop", actor="test")
        token, text = new_token(service.database, "ci", role=Role.ADMIN)
        link = sign_in_link(service.database, token, address="")
        secrets += [text, link.rpartition("/")[2]]

        def ask(client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
            answer = client.request(method, path, **more)  # type: ignore[arg-type]
            cookies = answer.headers.get_list("set-cookie")
            said.append(f"{answer.headers} {answer.text}" if not cookies else answer.text)
            secrets.extend(one.partition("=")[2].partition(";")[0] for one in cookies if "Max-Age=0" not in one)
            return answer

        assert ask(browser, "GET", link).status_code == 303
        assert ask(browser, "GET", link).status_code == 403
        assert sign_in(browser).status_code == 303
        secrets.append(browser.headers["Cookie"].partition("=")[2])
        for path, fields in (
            ("/sign-in", {"name": "ada", "password": PLANTED}),
            ("/sign-in", {"name": PLANTED * 200, "password": PLANTED * 200}),
            ("/sign-in", {"token": NO_TOKEN}),
            ("/people", {"name": "bo", "password": PLANTED, "role": "none"}),
            ("/people", {"name": "B O", "password": PLANTED, "everywhere": "true"}),
            ("/people", {"name": "bo", "password": PLANTED, "everywhere": "true"}),
            ("/people/bo/password", {"password": PLANTED}),
            ("/account/password", {"old": PLANTED, "new": PLANTED, "again": PLANTED}),
            ("/account/password", {"old": PASSWORD, "new": PLANTED, "again": PLANTED}),
        ):
            ask(browser, "POST", path, data=fields)
        ask(browser, "GET", "/openid/callback", params={"code": CODE, "state": CODE})
        with httpx.Client(base_url=server.address, headers={"Authorization": f"Bearer {text}"}) as client:
            for method, path, body in (
                ("POST", "users", {"name": "cy", "password": PLANTED, "role": PLANTED}),
                ("POST", "users", {"name": "cy", "password": {"x": PLANTED}}),
                ("POST", "users", {"name": "cy", "password": PLANTED, PLANTED: 1}),
                ("POST", "users", {"name": "cy", "password": PLANTED}),
                ("PUT", "users/cy/password", {"password": PLANTED}),
                ("POST", "account/password", {"old": PLANTED, "new": PLANTED}),
                ("POST", "repositories/shop/plans", {"only": ["main"]}),
                ("GET", f"jobs/{text}", None),
                ("GET", f"users/{NO_TOKEN}", None),
                ("GET", "jobs", None),
                ("GET", "users", None),
                ("GET", "tokens", None),
                ("GET", "account", None),
                ("GET", "audit", None),
            ):
                ask(client, method, f"/api/v1/{path}", json=body)
            ask(client, "GET", "/api/v1/jobs", headers={"Authorization": f"Bearer {NO_TOKEN}"})
        said += [repr(entry) for entry in service.audit.newest(1_000)]
        said += [repr(event) for event in service.feed.reader.after("shop", 0)]
        said.append(repr(service.users.all()) + repr(service.accounts.all()))
        assert service.passwords.is_right(service.users.password_of("cy"), PLANTED), "it did go through"
    said.append(log.read_text())
    assert "/api/v1/jobs" in said[-1]
    assert {"user.add", "user.password", "sign_in"} <= {word for word in ("user.add", "user.password", "sign_in")
                                                        if any(word in one for one in said)}  # fmt: skip
    database = b"".join(place.read_bytes() for place in tmp_path.glob("service.db*")).decode("latin-1")
    for secret in secrets:
        assert secret not in database
        found = [one for one in said if secret in one]
        # A key of a body is no secret: it is repeated, so that a person sees which one is wrong.
        assert [one for one in found if "Extra inputs are not permitted" not in one] == [], secret


def test_what_is_hidden() -> None:
    token = token_text(b"x" * 20)
    for text in (
        f"GET /jobs/{token}",
        f"Authorization: Bearer {token}",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "fatal: https://user:dXNlcjpwYXNz@example.org/x.git",
        "/sign-in/dXNlcjpwYXNzd29yZHVzZXI",
        "$argon2id$v=19$m=19456$dXNlcjpwYXNzd29yZA",
    ):
        hidden = without_secrets(text)
        assert "…" in hidden
        assert "dXNl" not in hidden
        assert token not in hidden
    for plain in ("gal_", "a bearer of news", "https://example.org/a:b", "/sign-in", "feature/gal_x"):
        assert without_secrets(plain) == plain
