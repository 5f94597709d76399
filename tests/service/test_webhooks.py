"""Outgoing webhooks: signed, delivered to a real receiver, tried again, given up, and never sent into a private network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.jobs import JobKind
from gitalign.core.webhooks import RETRY_S, DeliveryState, secret_text, signature
from gitalign.errors import ConfigError, UserError
from gitalign.service.administration import encrypt_again, new_webhook, seal_webhooks
from gitalign.service.application import create_app
from gitalign.service.credentials import KEYS_VARIABLE, Sealer, new_key
from gitalign.service.settings import settings_of
from gitalign.service.working.webhook_delivery import Deliveries, WebhookPolicy
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.webhooks import Webhooks
from tests import warm
from tests.documents.strict import validate
from tests.service.asking import REPOSITORY, done
from tests.service.serving import served

KEY = new_key()
SEALER = Sealer((KEY,))
LOCAL = WebhookPolicy(private_hosts=("127.0.0.1", "localhost"))


def sealed(webhook: str, secret: str) -> str:
    return SEALER.seal_text(secret, of=webhook)


class Receiver:
    """An HTTP server that keeps what it was sent, and answers with the statuses it is given."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Location", "http://169.254.169.254/")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, KEY)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def due_now(database: ServiceDatabase) -> None:
    with database.writing() as connection:
        waiting = schema.deliveries.c.state == "waiting"
        connection.execute(schema.deliveries.update().where(waiting).values(next_at=1))


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver does it, after the text of Standard Webhooks."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(wanted, headers["webhook-signature"])


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the specification's reference libraries."""
    said = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert secret_text(bytes(32)).startswith("whsec_")


def test_what_became_of_jobs_is_delivered_once_and_signed(database: ServiceDatabase, receiver: Receiver) -> None:
    done(database, JobKind.PLAN)
    hook, secret = Webhooks(database).add(REPOSITORY, receiver.url, kinds=["plan", "forecast"], actor="me", seal=sealed)
    deliveries = Deliveries(database, LOCAL, sealer=SEALER)
    assert (deliveries.write_new(), deliveries.deliver_one()) == (0, False), "what was before is not delivered"
    job, _ = done(database, JobKind.FORECAST)
    done(database, JobKind.CONFLICTS)
    assert (deliveries.write_new(), deliveries.write_new()) == (1, 0)
    assert (deliveries.deliver_one(), deliveries.deliver_one()) == (True, False)
    ((headers, body),) = receiver.got
    assert verified(secret, headers, body)
    message = json.loads(body)
    assert (message["type"], message["data"]["id"]) == ("job.done", job.id)
    assert validate(message["data"]) == "job"
    (delivery,) = Webhooks(database).deliveries(REPOSITORY, hook.id, limit=10)
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.DELIVERED, 204, 1)


def test_what_fails_is_tried_again_with_the_same_id_and_given_up(database: ServiceDatabase, receiver: Receiver) -> None:
    hook, _ = Webhooks(database).add(REPOSITORY, receiver.url, kinds=[], actor="me", seal=sealed)
    done(database, JobKind.PLAN)
    deliveries = Deliveries(database, LOCAL, sealer=SEALER)
    receiver.statuses = [500, 302, *[503] * 20]
    assert deliveries.write_new() == 1
    for attempt in range(len(RETRY_S) + 1):
        assert deliveries.deliver_one(), attempt
        assert not deliveries.deliver_one(), "the next attempt waits"
        due_now(database)
    assert not deliveries.deliver_one()
    (delivery,) = Webhooks(database).deliveries(REPOSITORY, hook.id, limit=10)
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.FAILED, 503, len(RETRY_S) + 1)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len(receiver.got) == len(RETRY_S) + 1, "a redirection was not followed"


def test_a_process_that_died_while_it_delivered_is_followed_by_another(
    database: ServiceDatabase, receiver: Receiver
) -> None:
    Webhooks(database).add(REPOSITORY, receiver.url, kinds=[], actor="me", seal=sealed)
    done(database, JobKind.PLAN)
    webhooks = Webhooks(database)
    webhooks.write_new()
    assert webhooks.claim() is not None
    assert webhooks.claim() is None
    due_now(database)
    assert Deliveries(database, LOCAL, sealer=SEALER).deliver_one()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://user:secret@example.org/",
        "ftp://example.org/",
        "https://example.org:99999/",
        "https:///x",
        "https://-])d0d",
        "https://[half",
    ],
)
def test_addresses_that_no_webhook_has(url: str) -> None:
    with pytest.raises(UserError):
        WebhookPolicy().require(url)


def test_a_name_that_leads_into_a_private_network_is_not_connected_to(
    database: ServiceDatabase, receiver: Receiver
) -> None:
    """The name is public when it is registered; what it leads to is looked at for every attempt."""
    port = receiver.server.server_port
    hook, _ = Webhooks(database).add(REPOSITORY, f"https://localhost:{port}/", kinds=[], actor="me", seal=sealed)
    done(database, JobKind.PLAN)
    deliveries = Deliveries(database, WebhookPolicy(), sealer=SEALER)
    deliveries.write_new()
    assert deliveries.deliver_one()
    (delivery,) = Webhooks(database).deliveries(REPOSITORY, hook.id, limit=10)
    assert "private network" in delivery.detail
    assert receiver.got == []


def test_over_http_the_secret_is_shown_once(database_file: Path, receiver: Receiver) -> None:
    settings: dict[str, Any] = {"database": {"file": database_file}, "webhooks": {"private_hosts": ["127.0.0.1"]}}
    base = f"/api/v1/repositories/{REPOSITORY}/webhooks"
    with served(create_app(settings)) as running, running.client() as client:
        refused = client.post(base, json={"url": "https://10.0.0.1/"})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_webhook")
        made = client.post(base, json={"url": receiver.url, "kinds": ["plan"]})
        assert (made.status_code, validate(made.json())) == (201, "webhooks")
        (hook,) = made.json()["webhooks"]
        assert hook["secret"].startswith("whsec_")
        listed = client.get(base)
        assert hook["secret"] not in listed.text
        client.post(f"/api/v1/repositories/{REPOSITORY}/plans", json={})
        for _ in range(600):
            if receiver.got:
                break
            threading.Event().wait(0.05)
        assert verified(hook["secret"], *receiver.got[0])
        log = client.get(f"{base}/{hook['id']}/deliveries")
        assert validate(log.json()) == "webhook-deliveries"
        assert client.delete(f"{base}/{hook['id']}").status_code == 204
        assert client.get(f"{base}/{hook['id']}/deliveries").json()["code"] == "unknown_webhook"


def test_on_the_command_line(database_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(f"database: {{file: {database_file}}}\n")
    where = ("--config", config)
    made = warm.run("webhook", "add", REPOSITORY, "https://example.org/x", "--kind", "run", *where, cwd=tmp_path)
    assert "secret: whsec_" in made.stdout, made.stderr
    listed = json.loads(warm.run("webhook", "list", REPOSITORY, "--json", *where, cwd=tmp_path).stdout)
    (hook,) = listed["webhooks"]
    assert (hook["kinds"], hook["secret"]) == (["run"], None)
    assert warm.run("webhook", "deliveries", REPOSITORY, hook["id"], *where, cwd=tmp_path).returncode == 0
    assert warm.run("webhook", "add", REPOSITORY, "https://10.0.0.1/", *where, cwd=tmp_path).returncode == 2
    assert warm.run("webhook", "remove", REPOSITORY, hook["id"], *where, cwd=tmp_path).returncode == 0


def test_secrets_are_kept_encrypted(
    database: ServiceDatabase, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of earlier releases, too; with another key; and one that was copied to another webhook does not open."""
    hook, secret = Webhooks(database).add(REPOSITORY, receiver.url, kinds=[], actor="me", seal=sealed)
    with database.writing() as connection:
        connection.execute(schema.webhooks.update().values(secret=secret, sealed=None))
    assert seal_webhooks(database, Sealer(())) == 0
    assert (seal_webhooks(database, SEALER), seal_webhooks(database, SEALER)) == (1, 0)
    newer = new_key()
    monkeypatch.setenv(KEYS_VARIABLE, f"{newer} {KEY}")
    encrypt_again(database, settings_of({}, whole="test"))
    (kept,) = Webhooks(database).secrets()
    assert (kept.secret, secret in str(kept.sealed)) == ("", False)
    done(database, JobKind.PLAN)
    lost = Deliveries(database, LOCAL, sealer=SEALER)
    assert (lost.write_new(), lost.deliver_one()) == (1, True)
    (delivery,) = Webhooks(database).deliveries(REPOSITORY, hook.id, limit=10)
    assert (receiver.got, "no key of this service opens" in delivery.detail) == ([], True)
    due_now(database)
    assert Deliveries(database, LOCAL, sealer=Sealer((newer,))).deliver_one()
    ((headers, body),) = receiver.got
    assert verified(secret, headers, body)
    with pytest.raises(ConfigError, match="something else"):
        Sealer((newer,)).opened_text(str(kept.sealed), of="another")


def test_without_a_key_no_webhook_is_added(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    with pytest.raises(ConfigError, match="no key") as refused:
        new_webhook(database, settings_of({}, whole="test"), REPOSITORY, "https://ci.example.org/", kinds=[])
    assert (refused.value.code, Webhooks(database).of(REPOSITORY)) == ("no_credential_key", ())
