"""People, tokens and one's own account over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.service.people import new_user
from tests.documents.strict import validate
from tests.service.people import PASSWORD, sign_in, visiting, with_people
from tests.service.serving import Served

NEW = "another four words"


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("people-api") / "service.db"))
    with with_people(file) as running:
        running.service.repositories.add("shop", "/srv/shop", actor="test")
        yield running


@pytest.fixture
def admin(server: Served) -> Iterator[httpx.Client]:
    with server.client(Role.ADMIN) as client:
        yield client


def asked(client: httpx.Client, method: str, path: str, **body: Any) -> httpx.Response:
    return client.request(method, f"/api/v1/{path}", json=body or None)


def test_people(server: Served, admin: httpx.Client) -> None:
    made = asked(admin, "POST", "users", name="bo", role="lander", repositories=["shop"], password=PASSWORD)
    assert (made.status_code, made.headers["Location"], validate(made.json())) == (201, "/api/v1/users/bo", "users")
    assert made.json()["users"][0]["repositories"] == ["shop"]
    assert PASSWORD not in made.text
    for status, code, method, path, body in (
        (409, "name_taken", "POST", "users", {"name": "bo"}),
        (422, "usage", "POST", "users", {"name": "B o"}),
        (400, "bad_password", "POST", "users", {"name": "cy", "password": "short"}),
        (404, "unknown_repository", "POST", "users", {"name": "cy", "repositories": ["none"]}),
        (404, "unknown_user", "GET", "users/none", {}),
        (422, "usage", "PATCH", "users/bo", {"disabled": True, "role": "admin"}),
        (422, "usage", "PATCH", "users/bo", {"repositories": []}),
        (422, "usage", "PATCH", "users/bo", {"repositories": ["*", "shop"]}),
        (409, "last_admin", "PATCH", "users/ada", {"role": "viewer"}),
        (409, "last_admin", "PATCH", "users/ada", {"disabled": True}),
        (409, "last_admin", "DELETE", "users/ada", {}),
    ):
        answer = asked(admin, method, path, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body)
    with visiting(server) as browser:
        assert sign_in(browser, "bo").status_code == 303
        assert asked(admin, "PATCH", "users/bo", role="viewer", all_repositories=True).json()["users"][0][
            "repositories"
        ] == ["*"]
        assert "bo (viewer)" in browser.get("/jobs").text
        assert asked(admin, "PUT", "users/bo/password", password=NEW).status_code == 204
        assert browser.get("/jobs").status_code == 303
        assert sign_in(browser, "bo", NEW).status_code == 303
        assert asked(admin, "PATCH", "users/bo", disabled=True).json()["users"][0]["disabled_at"]
        assert sign_in(browser, "bo", NEW).status_code == 403
    assert asked(admin, "PATCH", "users/bo", disabled=False).json()["users"][0]["disabled_at"] is None
    assert asked(admin, "DELETE", "users/bo").status_code == 204
    assert [one["name"] for one in asked(admin, "GET", "users").json()["users"]] == ["ada"]
    assert len(admin.get("/api/v1/users", params={"removed": True}).json()["users"]) == 2
    done = [entry.action for entry in server.service.audit.newest(50) if entry.actor.startswith("admin (")]
    assert {"user.add", "user.role", "user.password", "user.disable", "user.enable", "user.remove"} <= set(done)


def test_all_repositories_are_given_again_as_answers_name_them(server: Served, admin: httpx.Client) -> None:
    made = asked(admin, "POST", "users", name="di", repositories=["*"])
    assert (made.status_code, made.json()["users"][0]["repositories"]) == (201, ["*"])
    for names in (["shop"], ["*"]):
        changed = asked(admin, "PATCH", "users/di", role="operator", repositories=names)
        assert (changed.status_code, changed.json()["users"][0]["repositories"]) == (200, names)
    assert asked(admin, "DELETE", "users/di").status_code == 204


def test_tokens(server: Served, admin: httpx.Client) -> None:
    made = asked(admin, "POST", "tokens", name="ci", role="operator", repositories=["shop"], days=3).json()
    assert validate(made) == "tokens"
    (token,) = made["tokens"]
    assert token["token"].startswith("gal_")
    with httpx.Client(base_url=server.address, headers={"Authorization": f"Bearer {token['token']}"}) as client:
        account = client.get("/api/v1/account").json()
        assert validate(account) == "account"
        assert (account["name"], account["user"]) == (f"ci ({token['id']})", None)
        assert client.get("/api/v1/tokens").status_code == 403
        for path, body in (
            ("account/tokens", {"name": "more"}),
            ("account/password", {"old": PASSWORD, "new": NEW}),
        ):
            answer = asked(client, "POST", path, **body)
            assert (answer.status_code, answer.json()["code"]) == (403, "needs_a_person")
        assert token["token"] not in admin.get("/api/v1/tokens").text
        assert asked(admin, "DELETE", f"tokens/{token['id']}").status_code == 204
        assert client.get("/api/v1/account").status_code == 401
    assert asked(admin, "DELETE", "tokens/abcdef").json()["code"] == "unknown_token"


def test_the_same_key_of_two_tokens_of_one_name_names_two_jobs(server: Served, admin: httpx.Client) -> None:
    ids = set()
    for _ in range(2):
        token = asked(admin, "POST", "tokens", name="twin", role="operator").json()["tokens"][0]["token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
        answer = httpx.post(f"{server.address}/api/v1/repositories/shop/plans", json={}, headers=headers)
        ids.add(answer.json()["id"])
    assert len(ids) == 2


def test_one_s_own_account(server: Served) -> None:
    new_user(server.service.database, "cleo", role=Role.LANDER, password=PASSWORD, repositories=("shop",), actor="t")
    with visiting(server) as browser, visiting(server) as other:
        assert sign_in(browser, "cleo").status_code == sign_in(other, "cleo").status_code == 303
        account = asked(browser, "GET", "account").json()
        assert validate(account) == "account"
        assert sorted(one["is_this"] for one in account["sessions"]) == [False, True]
        (theirs,) = [one["id"] for one in account["sessions"] if not one["is_this"]]
        assert asked(browser, "DELETE", f"account/sessions/{theirs}").status_code == 204
        assert asked(browser, "DELETE", f"account/sessions/{theirs}").json()["code"] == "unknown_session"
        assert asked(other, "GET", "account").status_code == 401

        for body, status in (
            ({"name": "laptop", "role": "admin"}, 403),
            ({"name": "laptop", "repositories": ["none"]}, 403),
            ({"name": "laptop", "days": 1_000}, 422),
        ):
            assert asked(browser, "POST", "account/tokens", **body).status_code == status
        token = asked(browser, "POST", "account/tokens", name="laptop", role="lander").json()["tokens"][0]
        assert (token["repositories"], token["user"]) == (["shop"], "cleo")
        headers = {"Authorization": f"Bearer {token['token']}"}
        with httpx.Client(base_url=server.address, headers=headers) as client:
            assert asked(client, "GET", "account").json()["user"]["name"] == "cleo"
            answer = asked(client, "POST", "account/tokens", name="more")
            assert answer.json()["code"] == "needs_a_person", "a stolen token makes no other"
            assert asked(client, "DELETE", f"account/tokens/{token['id']}").status_code == 204
            assert asked(client, "GET", "account").status_code == 401

        assert sign_in(other, "cleo").status_code == 303
        wrong = asked(browser, "POST", "account/password", old="wrong", new=NEW)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
        assert asked(browser, "POST", "account/password", old=PASSWORD, new="short").status_code == 400
        assert asked(browser, "POST", "account/password", old=PASSWORD, new=NEW).status_code == 204
        assert asked(browser, "GET", "account").status_code == 200
        assert asked(other, "GET", "account").status_code == 401
        assert [sign_in(other, "cleo", word).status_code for word in (PASSWORD, NEW)] == [403, 303]
        for _ in range(2):
            asked(browser, "POST", "account/password", old="wrong", new=NEW)
        assert asked(browser, "POST", "account/password", old="wrong", new=NEW).status_code in (403, 429)
        assert asked(browser, "POST", "account/password", old=NEW, new=PASSWORD).status_code == 429


def test_the_audit_trail_in_pages(server: Served, admin: httpx.Client) -> None:
    for number in range(5):
        server.service.audit.add(actor="dan%", action="act", subject=f"thing {number}")
    first = admin.get("/api/v1/audit", params={"limit": 3, "actor": "dan%"}).json()
    assert validate(first) == "audit-trail"
    rest = admin.get("/api/v1/audit", params={"limit": 3, "actor": "dan%", "cursor": first["next"]}).json()
    assert [one["subject"][-1] for one in first["entries"] + rest["entries"]] == ["4", "3", "2", "1", "0"]
    assert rest["next"] is None
    assert admin.get("/api/v1/audit", params={"subject": "thing 3", "action": "act"}).json()["entries"][0]["number"]
    assert admin.get("/api/v1/audit", params={"actor": "d_n"}).json()["entries"] == [], "words, not patterns"
    check = admin.get("/api/v1/audit/check", params={"head": first["entries"][0]["hash"]}).json()
    assert (validate(check), check["is_sound"]) == ("audit-check", True)
    assert not admin.get("/api/v1/audit/check", params={"head": "1" * 64}).json()["is_sound"]
