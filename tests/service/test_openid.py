"""Signing in with an OpenID provider: an honest one, and answers of one that is not."""

from __future__ import annotations

import base64
import hmac
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI, Form
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from gitalign.core.accounts import Role
from gitalign.errors import ConfigError
from gitalign.service.openid import OpenIdProvider
from gitalign.service.people import new_user
from gitalign.service.provider_settings import Oidc
from gitalign.service.settings import settings_of
from gitalign.store.service.provider_people import admit
from tests.service.people import PASSWORD, sign_in, visiting, with_people
from tests.service.serving import Served, served

ROLES = {"git-admins": "admin", "developers": "lander"}


@dataclass
class Provider:
    """A provider whose answers a test decides; it holds to PKCE."""

    app: FastAPI = field(default_factory=lambda: FastAPI(openapi_url=None))
    address: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    challenges: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    more_keys: list[dict[str, Any]] = field(default_factory=list)
    asked_for_keys: int = 0

    def __post_init__(self) -> None:
        @self.app.get("/.well-known/openid-configuration")
        def configuration() -> JSONResponse:
            said = {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                "userinfo_endpoint": f"{self.address}/userinfo",
            }
            return JSONResponse(said | self.metadata)

        @self.app.get("/keys")
        def keys() -> JSONResponse:
            self.asked_for_keys += 1
            return JSONResponse({"keys": [*self.more_keys, self.key.as_dict(private=False)]})

        @self.app.get("/userinfo")
        def userinfo() -> JSONResponse:
            return JSONResponse(self.userinfo)

        @self.app.post("/token")
        def token(code: str = Form(), code_verifier: str = Form(), grant_type: str = Form()) -> JSONResponse:
            if self.challenges.pop(code, None) != create_s256_code_challenge(code_verifier):
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            assert grant_type == "authorization_code"
            return JSONResponse({"access_token": "at", "token_type": "Bearer", "expires_in": 3600, **self.answers})

    def claims(self, nonce: str, /, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        said = {
            "iss": self.address, "sub": "42", "aud": "git-align", "exp": now + 60, "iat": now, "nonce": nonce,
            "preferred_username": "Dora", "groups": ["developers"],
        }  # fmt: skip
        return {name: value for name, value in (said | more).items() if value is not None}

    def signed(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        algorithm = header.get("alg", "RS256")
        full = {"alg": algorithm, "kid": "one"} | header
        return jwt.encode(full, claims, key or self.key, algorithms=[algorithm])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    with served(made.app) as running:
        made.address = running.address
        yield made


def settings(issuer: str, **more: Any) -> dict[str, Any]:
    return {"issuer": issuer, "client_id": "git-align", "roles": ROLES, **more}


@pytest.fixture(scope="module")
def server(provider: Provider, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("openid") / "service.db"))
    with with_people(file, oidc=settings(provider.address)) as running:
        yield running


@pytest.fixture
def browser(server: Served, provider: Provider) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client
    provider.answers, provider.metadata, provider.userinfo = {}, {}, {}


def begun(browser: httpx.Client, provider: Provider, place: str = "/jobs") -> dict[str, str]:
    """Go to the provider; what it was sent."""
    answer = browser.get("/openid/start", params={"next": place})
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-gitalign-openid=")
    assert "HttpOnly" in cookie
    browser.headers["Cookie"] = cookie.partition(";")[0]
    sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert (sent["code_challenge_method"], sent["response_type"]) == ("S256", "code")
    provider.challenges["c"] = sent["code_challenge"]
    return sent


def came_back(browser: httpx.Client, **query: str) -> httpx.Response:
    answer = browser.get("/openid/callback", params=query, headers={"Sec-Fetch-Site": "cross-site"})
    if answer.status_code == 303:
        cookies = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
        browser.headers["Cookie"] = next(one for one in cookies if one.startswith("__Host-gitalign="))
    return answer


def test_signing_in(server: Served, browser: httpx.Client, provider: Provider) -> None:
    assert "Sign in with 127.0.0.1" in browser.get("/sign-in").text
    sent = begun(browser, provider, "/repositories/x?q=1")
    provider.answers = {"id_token": provider.signed(provider.claims(sent["nonce"]))}
    answer = came_back(browser, code="c", state=sent["state"], iss=provider.address)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/repositories/x?q=1")
    assert "dora (lander)" in browser.get("/jobs").text
    user = server.service.users.get("dora")
    assert (user.issuer, user.has_password, user.role) == (provider.address, False, Role.LANDER)
    account = browser.post("/api/v1/account/password", json={"old": "x", "new": PASSWORD})
    assert account.json()["code"] == "signs_in_elsewhere"
    assert sign_in(browser, "dora", "").status_code == 403
    acts = [entry.action for entry in server.service.audit.newest(3)]
    assert acts == ["sign_in", "user.add", "user.add"]


def with_secret(claims: dict[str, Any], secret: bytes) -> str:
    """Signed by hand: the library refuses to take a public key for a secret."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "one"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mark = base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    return b".".join((text, mark)).decode()


FORGED: dict[str, Callable[[Provider, str], str]] = {
    "wrong nonce": lambda p, nonce: p.signed(p.claims("other")),
    "no nonce": lambda p, nonce: p.signed(p.claims(nonce, nonce=None)),
    "wrong audience": lambda p, nonce: p.signed(p.claims(nonce, aud="another")),
    "for another party": lambda p, nonce: p.signed(p.claims(nonce, aud=["git-align", "another"], azp="another")),
    "expired": lambda p, nonce: p.signed(p.claims(nonce, exp=int(time.time()) - 120)),
    "without an end": lambda p, nonce: p.signed(p.claims(nonce, exp=None)),
    "other issuer": lambda p, nonce: p.signed(p.claims(nonce, iss="https://evil.example")),
    "no subject": lambda p, nonce: p.signed(p.claims(nonce, sub=None)),
    "subject of another kind": lambda p, nonce: p.signed(p.claims(nonce, sub=[42])),
    "other key": lambda p, nonce: p.signed(p.claims(nonce), RSAKey.generate_key(2048)),
    "none": lambda p, nonce: p.signed(p.claims(nonce), OctKey.generate_key(), alg="none"),
    "secret of the public key": lambda p, nonce: with_secret(p.claims(nonce), p.key.as_pem(private=False)),
    "at_hash of another": lambda p, nonce: p.signed(p.claims(nonce, at_hash="AAAAAAAAAAAAAAAAAAAAAA")),
    "no token": lambda p, nonce: "nonsense",
    "nothing": lambda p, nonce: "",
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_is_forged_signs_no_one_in(server: Served, browser: httpx.Client, provider: Provider, kind: str) -> None:
    before = len(server.service.users.all())
    sent = begun(browser, provider)
    provider.answers = {"id_token": FORGED[kind](provider, sent["nonce"])}
    answer = came_back(browser, code="c", state=sent["state"])
    assert (answer.status_code, "did not work" in answer.text) == (403, True)
    assert "__Host-gitalign=" not in str(answer.headers)
    assert len(server.service.users.all()) == before


def test_what_belongs_to_another_browser_or_way(browser: httpx.Client, provider: Provider, server: Served) -> None:
    sent = begun(browser, provider)
    provider.answers = {"id_token": provider.signed(provider.claims(sent["nonce"]))}
    for query in (
        {"code": "c", "state": "another"},
        {"code": "c"},
        {"code": "another", "state": sent["state"]},
    ):
        assert came_back(browser, **query).status_code == 403
    server.service.throttle.forget_failures()
    for query in (
        {"code": "c", "state": sent["state"], "iss": "https://evil.example"},
        {"error": "access_denied", "state": sent["state"]},
    ):
        assert came_back(browser, **query).status_code == 403
    with visiting(server) as other:
        assert came_back(other, code="c", state=sent["state"]).status_code == 403, "without the cookie"
        begun(other, provider)
        assert came_back(other, code="c", state=sent["state"]).status_code == 403, "with that of another way"
    started = browser.get("/openid/start", headers={"Sec-Fetch-Site": "cross-site"})
    assert started.status_code == 403


def test_groups_decide_at_every_sign_in(server: Served, browser: httpx.Client, provider: Provider) -> None:
    def signed_in(**claims: Any) -> int:
        server.service.throttle.forget_failures()
        sent = begun(browser, provider)
        provider.answers = {"id_token": provider.signed(provider.claims(sent["nonce"], sub="7", **claims))}
        return came_back(browser, code="c", state=sent["state"]).status_code

    assert signed_in(groups=["strangers"], preferred_username="eve") == 403
    assert signed_in(groups=None, preferred_username="eve") == 403, "its userinfo is of no person"
    assert [one.name for one in server.service.users.all() if one.name.startswith("eve")] == []
    assert signed_in(groups=["strangers", "developers", "git-admins"], preferred_username="Eve <x>") == 303
    assert server.service.users.get("eve-x").role is Role.ADMIN
    assert signed_in(groups="developers") == 303
    assert server.service.users.get("eve-x").role is Role.LANDER
    provider.userinfo = {"sub": "7", "groups": ["git-admins"]}
    assert signed_in(groups=None) == 303
    assert server.service.users.get("eve-x").role is Role.ADMIN
    provider.userinfo = {"sub": "8", "groups": ["git-admins"]}
    assert signed_in(groups=None) == 403, "said of another person"

    provider.userinfo = {}
    assert signed_in() == 303
    session = browser.headers["Cookie"]
    made = browser.post("/api/v1/account/tokens", json={"name": "laptop"}).json()["tokens"][0]["token"]
    assert server.service.accounts.holder(made) is not None
    assert signed_in(groups=["strangers"]) == 403
    browser.headers["Cookie"] = session
    assert browser.get("/jobs").status_code == 303, "who lost every group is out"
    assert server.service.accounts.holder(made) is None
    server.service.users.disable("eve-x", actor="test")
    assert signed_in() == 403
    server.service.users.enable("eve-x", actor="test")
    assert signed_in() == 303
    server.service.users.remove("eve-x", actor="test")
    assert signed_in() == 403, "removed for good"


def test_a_name_is_not_an_identity(server: Served, browser: httpx.Client, provider: Provider) -> None:
    new_user(server.service.database, "frank", role=Role.ADMIN, password=PASSWORD, actor="test")
    sent = begun(browser, provider)
    claims = provider.claims(sent["nonce"], sub="999", preferred_username="frank")
    provider.answers = {"id_token": provider.signed(claims)}
    assert came_back(browser, code="c", state=sent["state"]).status_code == 303
    assert "frank (admin)" not in browser.get("/jobs").text
    assert {one.issuer for one in server.service.users.all() if one.name.startswith("frank")} == {
        None, provider.address,
    }  # fmt: skip
    actor = admit(server.service.database, ("https://other.example", "999"), name="frank", role=Role.VIEWER)
    assert actor is not None
    assert len([one for one in server.service.users.all() if one.name.startswith("frank")]) == 3


def test_keys_that_changed_are_asked_for_again(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, browser: httpx.Client, server: Served
) -> None:
    opened = OpenIdProvider(Oidc.model_validate(settings(provider.address)))
    redirect = "http://127.0.0.1/openid/callback"

    def signed_in() -> str:
        url, flow = opened.begin(redirect)
        provider.challenges["c"] = parse_qs(urlsplit(url).query)["code_challenge"][0]
        provider.answers = {"id_token": provider.signed(provider.claims(flow.nonce))}
        return opened.finish(flow, redirect, {"state": flow.state, "code": "c"}).subject

    assert signed_in() == "42"
    asked, before = provider.asked_for_keys, provider.key
    assert signed_in() == "42"
    assert provider.asked_for_keys == asked, "keys are kept"
    try:
        provider.key = RSAKey.generate_key(2048, {"kid": "two"})
        with pytest.raises(Exception, match="did not work"):
            signed_in()
        monkeypatch.setattr("gitalign.service.issuer_keys._AGAIN_S", 0)
        provider.key = RSAKey.generate_key(2048, {"kid": "one"})
        assert signed_in() == "42"
    finally:
        provider.key = before


@pytest.mark.parametrize("metadata", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/t"}])
def test_a_provider_that_is_not_one(provider: Provider, metadata: dict[str, Any]) -> None:
    provider.metadata = metadata
    try:
        with pytest.raises(Exception, match="cannot be used now"):
            OpenIdProvider(Oidc.model_validate(settings(provider.address))).begin("http://127.0.0.1/")
    finally:
        provider.metadata = {}


def test_a_provider_that_does_not_answer() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Exception, match="cannot be used now"):
            OpenIdProvider(Oidc.model_validate(settings(address))).begin("http://127.0.0.1/")


def test_with_a_provider_that_others_wrote(empty_database: Path, tmp_path: Path) -> None:
    import oidc_provider_mock
    from oidc_provider_mock import User

    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    users = [User(sub="gus", claims={"groups": ["developers"], "preferred_username": "gus"})]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=users) as real:
        issuer = f"http://localhost:{real.server_port}"
        oidc = settings(issuer, client_secret_file=secret)
        with with_people(file, oidc=oidc) as server, visiting(server) as browser:
            started = browser.get("/openid/start")
            browser.headers["Cookie"] = started.headers["Set-Cookie"].partition(";")[0]
            answer = httpx.post(started.headers["Location"], data={"sub": "gus"}, trust_env=False)
            back = {name: one[0] for name, one in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
            assert came_back(browser, **back).status_code == 303
            assert "gus (lander)" in browser.get("/jobs").text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuer": "http://id.example.org"}, "oidc.issuer"),
        ({"issuer": "https://a:b@id.example.org"}, "oidc.issuer"),
        ({"issuer": "id.example.org"}, "oidc.issuer"),
        ({"roles": {"x": "owner"}}, "oidc.roles"),
        ({"roles": {}}, "oidc.roles"),
        ({"scopes": ["profile"]}, "oidc.scopes"),
    ],
)
def test_settings_that_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings_of({"oidc": settings("https://id.example.org") | wrong}, whole="x")


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name in ("none", "empty"):
        with pytest.raises(ConfigError):
            Oidc.model_validate(settings("https://id.example.org", client_secret_file=tmp_path / name)).client_secret()
