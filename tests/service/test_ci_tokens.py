"""Tokens for runs of a CI: a real issuer on this machine, honest ones, and everything that an honest one would not send."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import InvalidToken
from joserfc.jwk import OctKey, RSAKey

from gitalign.client import Client, Problem
from gitalign.core.accounts import Role, SessionBounds, digest_of, token_text
from gitalign.errors import ConfigError
from gitalign.service.administration import new_token
from gitalign.service.application import create_app
from gitalign.service.issuer_keys import IssuerKeys
from gitalign.service.problems import ProviderUnavailable
from gitalign.service.repeats import _cipher
from gitalign.service.settings import settings_of
from gitalign.store.service import schema
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.retention import forget_old_jobs
from gitalign.store.service.sessions import Sessions
from tests.documents.strict import validate
from tests.service.serving import Served, served
from tests.service.test_openid import Provider, with_secret

AUDIENCE = "https://align.example.org"
EXCHANGE = "/api/v1/token-exchanges"


def run_claims(issuer: Provider, **more: Any) -> dict[str, Any]:
    """What GitHub says of a run of a workflow on the main branch."""
    now = int(time.time())
    said = {
        "iss": issuer.address, "aud": AUDIENCE, "sub": "repo:acme/shop:ref:refs/heads/main", "iat": now, "nbf": now,
        "exp": now + 300, "repository": "acme/shop", "ref": "refs/heads/main", "run_id": "77", "environment": "production",
    }  # fmt: skip
    return {name: value for name, value in (said | more).items() if value is not None}


def rules(issuer: str, **more: Any) -> dict[str, Any]:
    own = {"claims": {"repository": "acme/shop", "ref": "refs/heads/main"}, "role": "lander", "repositories": ["shop"]}
    look = {"claims": {"repository": "acme/*"}, "role": "viewer", "repositories": ["lab", "shop"]}
    return {"issuer": issuer, "audience": AUDIENCE, "rules": [own, look], **more}


def opened(file: Path, issuer: str) -> dict[str, Any]:
    return {"database": {"file": file}, "work": {"workers": 0}, "ci": [rules(issuer)]}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    made = Provider()
    with served(made.app) as running:
        made.address = running.address
        yield made


@pytest.fixture(scope="module")
def server(issuer: Provider, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("ci") / "service.db"))
    with served(create_app(opened(file, issuer.address))) as running:
        for name in ("shop", "lab", "secret"):
            running.service.repositories.add(name, f"/srv/{name}", actor="test")
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with server.client(None) as client:
        yield client
    server.service.throttle.forget_failures()


def exchanged(client: httpx.Client, token: str, **headers: str) -> httpx.Response:
    return client.post(EXCHANGE, json={"token": token}, headers=headers)


def seen(client: httpx.Client, token: str) -> list[str]:
    answer = client.get("/api/v1/repositories", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["repositories"]]


def test_a_run_gets_what_the_first_fitting_rule_says(server: Served, client: httpx.Client, issuer: Provider) -> None:
    asked = issuer.asked_for_keys
    answer = exchanged(client, issuer.signed(run_claims(issuer)), **{"Idempotency-Key": "one"})
    assert (answer.status_code, validate(answer.json())) == (201, "tokens")
    (made,) = answer.json()["tokens"]
    assert (made["name"], made["role"], made["repositories"]) == ("ci-acme-shop-77", "lander", ["shop"])
    assert made["created_by"] == "ci repo:acme/shop:ref:refs/heads/main"
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert seen(client, made["token"]) == ["shop"]
    entry = server.service.audit.newest(1)[0]
    assert (entry.action, entry.subject, made["token"] in str(entry)) == ("token.create", made["id"], False)
    assert entry.detail["issuer"] == issuer.address, "two issuers may call their runs alike"

    headers = {"Authorization": f"Bearer {made['token']}"}
    wanted = {"kind": "run", "cron": "* * * * *"}
    refused = client.post("/api/v1/repositories/shop/schedules", json=wanted, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "author_not_allowed"), "it would outlive the token"

    for claims, names in (
        ({"ref": "refs/heads/feature"}, ["lab", "shop"]),
        ({"repository": "acme/other", "sub": "repo:acme/other", "run_id": None}, ["lab", "shop"]),
    ):
        (other,) = exchanged(client, issuer.signed(run_claims(issuer, **claims))).json()["tokens"]
        assert (other["role"], seen(client, other["token"])) == ("viewer", names)
    assert issuer.asked_for_keys <= asked + 1, "keys are kept"

    with server.service.database.writing() as connection:
        connection.execute(schema.tokens.update().where(schema.tokens.c.id == made["id"]).values(expires_at=1))
    assert client.get("/api/v1/repositories", headers=headers).status_code == 401
    with server.client(Role.ADMIN) as admin:
        page = admin.get("/tokens").text
        assert (made["id"] in page, "and 1 tokens of CI runs that have ended" in page) == (False, True)
        assert other["id"] in page
        forget_old_jobs(server.service.database, keep_days=1)
        listed = [one["id"] for one in admin.get("/api/v1/tokens").json()["tokens"]]
        assert (made["id"] in listed, other["id"] in listed) == (False, True)


def test_who_has_no_token_yet_exchanges_with_the_client(server: Served, issuer: Provider) -> None:
    with Client(server.address, "") as newcomer:
        (made,) = newcomer.exchange_token(issuer.signed(run_claims(issuer)))["tokens"]
        with pytest.raises(Problem, match="a token is needed"):
            newcomer.repositories()
    with Client(server.address, str(made["token"])) as run:
        assert [one["name"] for one in run.repositories()] == ["shop"]


def test_an_answer_that_was_lost_is_given_again(server: Served, client: httpx.Client, issuer: Provider) -> None:
    token = issuer.signed(run_claims(issuer))
    first, again = (exchanged(client, token, **{"Idempotency-Key": "two"}) for _ in "ab")
    assert first.json()["tokens"][0]["token"] == again.json()["tokens"][0]["token"]
    (other,) = exchanged(client, issuer.signed(run_claims(issuer, run_id="78")), **{"Idempotency-Key": "two"}).json()[
        "tokens"
    ]
    assert (other["name"], other["token"] != first.json()["tokens"][0]["token"]) == ("ci-acme-shop-78", True)


def test_the_database_does_not_give_the_token_away(server: Served, client: httpx.Client, issuer: Provider) -> None:
    """Neither with the subject of the run, which is in it as well, nor with a key that can be guessed."""
    subject = "repo:acme/shop:ref:refs/heads/main"
    exchanged(client, issuer.signed(run_claims(issuer)), **{"Idempotency-Key": "1"})
    guessed = hashlib.sha256("\0".join((f"ci {subject}", "", "1")).encode()).digest()
    with server.service.database.reading() as connection:
        sealed = [row.sealed for row in connection.execute(schema.answers.select())]
    assert sealed
    for text in sealed:
        with pytest.raises(InvalidToken):
            _cipher(guessed).decrypt(text.encode())


def test_a_session_of_a_token_that_is_forgotten_finds_no_other(database: ServiceDatabase) -> None:
    """SQLite gives the number of the newest row, once it is gone, to the next one."""
    text, bounds = token_text(bytes(20)), SessionBounds(absolute_s=1e7, idle_s=1e7)
    token, _ = new_token(database, "ci-acme-shop-77", role=Role.VIEWER)
    with database.writing() as connection:
        connection.execute(schema.tokens.update().values(issuer="https://ci.example.org", digest=digest_of(text)))
    actor = Accounts(database).holder(text)
    assert actor is not None
    Sessions(database).open(actor, "secret", bounds, seen=("192.0.2.1", "curl"))
    assert Sessions(database).actor("secret", bounds) is not None
    with database.writing() as connection:
        connection.execute(schema.tokens.update().values(expires_at=1))
    forget_old_jobs(database, keep_days=1)
    new_token(database, "root", role=Role.ADMIN)
    assert Sessions(database).actor("secret", bounds) is None
    assert token.id not in {one.id for one in Accounts(database).all()}


def _ago(seconds: int) -> int:
    return int(time.time()) - seconds


FORGED: dict[str, Callable[[Provider], str]] = {
    "none": lambda p: p.signed(run_claims(p), OctKey.generate_key(), alg="none"),
    "secret of the public key": lambda p: with_secret(run_claims(p), p.key.as_pem(private=False)),
    "other key": lambda p: p.signed(run_claims(p), RSAKey.generate_key(2048)),
    "other issuer": lambda p: p.signed(run_claims(p, iss="https://evil.example")),
    "no issuer": lambda p: p.signed(run_claims(p, iss=None)),
    "wrong audience": lambda p: p.signed(run_claims(p, aud="https://other.example.org")),
    "audience that begins alike": lambda p: p.signed(run_claims(p, aud=AUDIENCE + ".evil.example")),
    "for others as well": lambda p: p.signed(run_claims(p, aud=[AUDIENCE, "https://other.example.org"])),
    "no audience": lambda p: p.signed(run_claims(p, aud=None)),
    "expired": lambda p: p.signed(run_claims(p, exp=_ago(90))),
    "without an end": lambda p: p.signed(run_claims(p, exp=None)),
    "old, with a late end": lambda p: p.signed(run_claims(p, iat=_ago(800), exp=_ago(-9_000))),
    "without its time": lambda p: p.signed(run_claims(p, iat=None)),
    "of the future": lambda p: p.signed(run_claims(p, iat=_ago(-900), exp=_ago(-9_000))),
    "not yet valid": lambda p: p.signed(run_claims(p, nbf=_ago(-900))),
    "no subject": lambda p: p.signed(run_claims(p, sub=None)),
    "subject of another kind": lambda p: p.signed(run_claims(p, sub=["repo:acme/shop"])),
    "repository of others": lambda p: p.signed(run_claims(p, repository="evil/shop")),
    "repository that begins alike": lambda p: p.signed(run_claims(p, repository="acme-evil/shop")),
    "repository of another kind": lambda p: p.signed(run_claims(p, repository=["acme/shop"])),
    "owner alone": lambda p: p.signed(run_claims(p, repository="acme/")),
    "no claims": lambda p: p.signed({"iss": p.address}),
    "nonsense": lambda p: "nonsense",
    "two dots": lambda p: "..",
    "many brackets": lambda p: "a." + "W1tb" * 3_000 + ".b",
    "many brackets in its header": lambda p: "W1tb" * 3_000 + "." + p.signed(run_claims(p)).split(".")[1] + ".b",
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_is_forged_gets_nothing(server: Served, client: httpx.Client, issuer: Provider, kind: str) -> None:
    before = len(server.service.accounts.all())
    answer = exchanged(client, FORGED[kind](issuer))
    assert (answer.status_code, answer.json()["code"]) == (403, "ci_refused")
    assert len(server.service.accounts.all()) == before


def test_guessing_is_limited(server: Served, client: httpx.Client) -> None:
    codes = [exchanged(client, "nonsense").status_code for _ in range(40)]
    assert (codes[0], codes[-1]) == (403, 429)


def test_a_new_key_of_the_issuer(
    server: Served, client: httpx.Client, issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exchanged(client, issuer.signed(run_claims(issuer))).status_code == 201
    before, asked = issuer.key, issuer.asked_for_keys
    try:
        issuer.key = RSAKey.generate_key(2048, {"kid": "three"})
        token = issuer.signed(run_claims(issuer), kid="three")
        assert exchanged(client, token).status_code == 403, "its keys were fetched just now"
        assert issuer.asked_for_keys == asked, "whatever tokens come, it is not asked again within a minute"
        monkeypatch.setattr("gitalign.service.issuer_keys._AGAIN_S", 0)
        assert exchanged(client, token).status_code == 201
        assert exchanged(client, issuer.signed(run_claims(issuer), before)).status_code == 403, "the old key is gone"
    finally:
        issuer.key = before


def test_an_issuer_that_is_away_is_neither_yes_nor_no(empty_database: Path, tmp_path: Path) -> None:
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    away = Provider()
    with served(away.app) as running:
        away.address = running.address
        with served(create_app(opened(file, away.address))) as other:
            other.service.repositories.add("shop", "/srv/shop", actor="test")
            with other.client(None) as client:
                assert exchanged(client, away.signed(run_claims(away))).status_code == 201
    known, new = away.signed(run_claims(away)), away.signed(run_claims(away), RSAKey.generate_key(2048), kid="new")
    with served(create_app(opened(file, away.address))) as other, other.client(None) as client:
        for token in (known, new, new):
            answer = exchanged(client, token)
            assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable"), "not a no"
        assert len(other.service.accounts.all()) == 1, "and not a yes"


def test_keys_that_are_known_stay_while_the_issuer_is_away(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    away = Provider()
    with served(away.app) as running:
        away.address = running.address
        app = create_app(opened(file, away.address))
        with served(app) as other, other.client(None) as client:
            other.service.repositories.add("shop", "/srv/shop", actor="test")
            assert exchanged(client, away.signed(run_claims(away))).status_code == 201
            monkeypatch.setattr("gitalign.service.issuer_keys._AGAIN_S", 0)
            away.metadata = {"jwks_uri": "http://127.0.0.1:1/keys"}
            other.service.ci._keys[away.address]._metadata_at = float("-inf")  # type: ignore[union-attr]
            forged = away.signed(run_claims(away), RSAKey.generate_key(2048))
            assert exchanged(client, forged).status_code == 503, "it may be a new key"
            assert exchanged(client, away.signed(run_claims(away))).status_code == 201


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "EC", "crv": "secp999k1", "kid": "x", "x": "AQ", "y": "AQ"},
        {"kty": "RSA", "kid": "x"},
        {"kty": "of later"},
        {"kty": "oct", "kid": "x", "k": "c2VjcmV0"},
        {},
        "a key",
        None,
    ],
)
def test_a_key_of_another_kind_hides_no_other(issuer: Provider, monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    monkeypatch.setattr(issuer, "more_keys", [other])
    claims = run_claims(issuer)
    assert IssuerKeys(issuer.address).decoded(issuer.signed(claims)).claims == claims


def test_who_has_a_known_key_does_not_wait_while_keys_are_fetched(issuer: Provider) -> None:
    keys, token = IssuerKeys(issuer.address), issuer.signed(run_claims(issuer))
    keys.decoded(token)
    seen: list[object] = []
    with keys._lock:  # as while an issuer is asked that does not answer
        looking = threading.Thread(target=lambda: seen.extend((keys.decoded(token), keys.metadata())), daemon=True)
        looking.start()
        looking.join(10)
        assert len(seen) == 2


def test_an_issuer_that_does_not_answer_is_not_asked_by_each_who_signs_in() -> None:
    """One after the other they would wait for it, until the service answers no one."""
    asked, now = [0], [0.0]

    class Away(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[0] += 1
            self.send_error(503)

        def log_message(self, *words: object) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Away) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = IssuerKeys(f"http://127.0.0.1:{server.server_port}", clock=lambda: now[0])
        for at, times in ((0.0, 1), (4.9, 1), (5.1, 2)):
            now[0] = at
            with pytest.raises(ProviderUnavailable):
                keys.metadata()
            assert asked[0] == times
        server.shutdown()


def test_an_issuer_that_answers_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time: whoever exchanges or signs in would wait for the last one."""
    over = threading.Event()

    class Drops(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while not over.wait(0.02):
                    self.wfile.write(b" ")

        def log_message(self, *words: object) -> None:
            """Not on the terminal."""

    monkeypatch.setattr("gitalign.service.issuer_keys.DEADLINE_S", 0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), Drops) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stop = threading.Timer(10, over.set)
        stop.start()
        with pytest.raises(ProviderUnavailable):
            IssuerKeys(f"http://127.0.0.1:{server.server_port}").metadata()
        assert not over.is_set()
        over.set()
        stop.cancel()
        server.shutdown()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"claims": {"ref": "refs/heads/main"}}, "signs for others as well"),
        ({"claims": {"repository": "acme*"}}, "behind a `/`"),
        ({"claims": {"repository": "*"}}, "behind a `/`"),
        ({"claims": {"repository": "/*"}}, "behind a `/`"),
        ({"claims": {}}, "claims"),
        ({"role": "admin"}, "cannot be an administrator"),
        ({"repositories": ["*"]}, "named one by one"),
        ({"repositories": []}, "repositories"),
    ],
)
def test_rules_that_would_let_others_in_are_refused(rule: dict[str, Any], words: str) -> None:
    whole = {"claims": {"repository": "acme/shop"}, "role": "viewer", "repositories": ["shop"], **rule}
    with pytest.raises(ConfigError, match=words):
        settings_of({"ci": [rules("https://ci.example.org", rules=[whole])]}, whole="test")


def test_settings_that_cannot_be_right() -> None:
    twice = [rules("https://ci.example.org")] * 2
    with pytest.raises(ConfigError, match="named twice"):
        settings_of({"ci": twice}, whole="test")
    with pytest.raises(ConfigError, match="is not an address"):
        settings_of({"ci": [rules("http://ci.example.org")]}, whole="test")


def test_a_service_without_issuers_says_so(database_file: Path) -> None:
    app = create_app({"database": {"file": database_file}, "work": {"workers": 0}})
    with served(app) as other, other.client(None) as client:
        assert exchanged(client, "x").json()["code"] == "no_ci"
