"""Both clients reach all of the API, and wait as long as the service asks them to."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable

import httpx
import pytest

from gitalign.client import AsyncClient, Client, Problem, attempts
from gitalign.errors import UserError
from tests.service.serving import Served

TASKS = "target: main\ntasks: [{id: a, shell: 'echo 1 > a', commit_leftovers: true}]\n"


@pytest.fixture
def server(serving_batches: Served) -> Served:
    return serving_batches


def test_both_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: [*inspect.signature(one).parameters] for name, one in found if not name.startswith("_")}

    assert methods(Client) == methods(AsyncClient)


def test_batches_projects_verbs_and_webhooks(server: Served) -> None:
    with Client(server.address, server.token()) as client:
        planned = client.wait(client.batch_plan("sample", TASKS))
        assert planned["plan_id"]
        ran = client.wait(client.batch_run("sample", planned["plan_id"]))
        assert ran["outcome"] == "ok"
        batch = str(ran["run_id"])
        assert client.batch("sample", batch)["status"] == "completed"
        assert client.batch_log("sample", batch, "a")["is_over"]
        assert client.wait(client.batch_undo("sample", batch))["outcome"] == "ok"
        assert client.wait(client.doctor("sample"))["state"] == "done"
        assert client.newest_doctor("sample")["checks"]
        assert client.project_status("sample")["execution_mode"] == "parallel_completed"
        plan = client.build_project_plan("sample", text=TASKS)
        assert plan["metadata"]["total_tasks"] == 1
        (hook,) = client.add_webhook("sample", "https://ci.example.org/x", kinds=["run"])["webhooks"]
        assert hook["secret"]
        assert client.deliveries("sample", hook["id"])["deliveries"] == []
        client.remove_webhook("sample", hook["id"])
        assert client.webhooks("sample")["webhooks"] == []
        with pytest.raises(Problem, match="cannot be a webhook"):
            client.add_webhook("sample", "https://10.0.0.1/")


class Busy(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Says once that it is busy, and for how long."""

    def __init__(self) -> None:
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked == 1:
            return httpx.Response(429, json={"code": "too_often"}, headers={"Retry-After": "7"})
        return httpx.Response(
            200, content=json.dumps({"repositories": []}), headers={"Content-Type": "application/json"}
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_they_wait_as_long_as_the_service_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("gitalign.client.synchronous.time.sleep", waited.append)
    with Client("https://service", "gal_x", transport=Busy()) as client:
        assert client.repositories() == []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("gitalign.client.asynchronous.asyncio.sleep", sleep)

    async def main() -> None:
        async with AsyncClient("https://service", "gal_x", transport=Busy()) as awaited:
            assert await awaited.repositories() == []

    asyncio.run(main())
    assert waited == [7.0, 7.0]
    tries = attempts.Attempts("x", hint="")
    assert tries.pause_after(Problem(503, {}, retry_after="86400")) == attempts.LONGEST_PAUSE_S


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_is_sent_encrypted_or_to_this_machine(
    kind: type[Client | AsyncClient], server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("http://align.example.org", "http://10.0.0.1:8484", "http://localhost.example.org"):
        with pytest.raises(UserError, match="in the clear") as refused:
            kind(address, "gal_x")
        assert refused.value.code == "not_encrypted"
    for address in ("align.example.org", "ftp://align.example.org", "http://", "http://[::1"):
        with pytest.raises(UserError, match="not the address"):
            kind(address, "gal_x")
    kind("http://align.example.org", "gal_x", allow_plain_http=True)
    for address in ("https://align.example.org", "http://localhost:8484", "http://[::1]:8484"):
        kind(address, "gal_x")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    if kind is Client:
        with Client(server.address, server.token()) as client:
            assert client.repositories(), "not by way of the proxy"


@pytest.mark.parametrize("token", ["gal_secret\n", "gal_secret ", "gal_secret\u2028", "Bearer gal_secret"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_that_cannot_be_sent_is_not_shown(kind: type[Client] | type[AsyncClient], token: str) -> None:
    with pytest.raises(UserError, match="characters that no token has") as caught:
        kind("https://service", token)
    assert (caught.value.code, "secret" in str(caught.value)) == ("bad_token", False)


class Elsewhere(Busy):
    """Something else answers at the address: a proxy with a page to sign in, or one that leads there."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        headers = {"Location": "https://sign-in.example.org/"} if self.status >= 300 else {}
        return httpx.Response(self.status, html="<form>", headers=headers)


@pytest.mark.parametrize("status", [200, 301, 302, 303, 307])
def test_what_is_no_answer_of_the_service_is_no_success(status: int) -> None:
    transport = Elsewhere(status)
    with Client("https://service", "gal_x", transport=transport) as client:
        asked: tuple[Callable[[], object], ...] = (
            lambda: client.revoke_token("x"),
            lambda: client.set_password("bo", "x"),
            lambda: client.run("sample", "x"),
            lambda: client.repositories(),
            lambda: client.metrics() if status >= 300 else client.health(),
            lambda: client.wait("0" * 32),
        )
        for ask in asked:
            with pytest.raises(Problem, match="is not JSON" if status == 200 else "leads elsewhere") as caught:
                ask()
            assert (caught.value.status, "address of the service" in caught.value.hint) == (status, True)
    assert transport.asked == len(asked), "neither tried again nor followed"

    async def main() -> None:
        async with AsyncClient("https://service", "gal_x", transport=transport) as awaited:
            await awaited.remove_repository("sample")

    with pytest.raises(Problem):
        asyncio.run(main())
