"""The client against a real server: whole jobs, answers that are lost, streams that break."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gitalign.client import AsyncClient, Client, Problem, attempts, calls
from gitalign.core.accounts import Role
from gitalign.documents.models.forecasts import ForecastDocument
from gitalign.documents.models.plans import PlanDocument
from gitalign.errors import RemoteError, UserError
from gitalign.service.application import create_app
from tests.service.asking import tips
from tests.service.serving import Served, served


@pytest.fixture(scope="module")
def server(sample: Path, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("client")
    shutil.copytree(sample, folder / "repo")
    file = shutil.copyfile(empty_database, folder / "service.db")
    with served(create_app({"database": {"file": file}})) as running:
        running.service.repositories.add("sample", str(folder / "repo"), actor="test")
        yield running


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.client.attempts.PAUSE_S", 0.001)


class Unreliable(httpx.HTTPTransport):
    """Loses the answer to every second request, and breaks a stream after some bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        response = super().handle_request(request)
        if "/events" in request.url.path:
            return httpx.Response(response.status_code, headers=response.headers, stream=Breaking(response))
        if self.sent % 2:
            response.read()
            raise httpx.ReadError("the answer was lost")
        return response


class Breaking(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response) -> None:
        self.response = response

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self.response.stream, httpx.SyncByteStream)
        for number, part in enumerate(self.response.stream):
            yield part[: len(part) // 2] if number == 3 else part
            if number == 3:
                raise httpx.ReadError("broken")

    def close(self) -> None:
        self.response.close()


def test_from_a_plan_to_its_undo_over_a_line_that_loses_answers(server: Served) -> None:
    (known,) = server.service.repositories.all()
    before = tips(Path(known.path))
    with Client(server.address, server.token(), transport=Unreliable()) as client:
        assert [one["name"] for one in client.repositories()] == ["sample"]
        planned = client.wait(client.plan("sample", only=["clean", "clash"]))
        assert planned["plan_id"]
        assert client.document(planned, PlanDocument)["id"] == planned["plan_id"]
        ran = client.wait(client.run("sample", planned["plan_id"], only_if_newest=True))
        assert (ran["outcome"], ran["error"]) == ("attention", None)
        assert tips(Path(known.path)) != before
        assert {one["branch"]: one["verdict"] for one in client.branches("sample", limit=1)} == {
            "clash": "conflicted",
            "clean": "aligned",
        }
        assert ran["run_id"]
        assert client.wait(client.verify("sample", ran["run_id"]))["outcome"] == "ok"
        page = client.wait(client.report("sample", ran["run_id"], form="html"))
        assert client.text(page).startswith("<!doctype html>")
        assert client.wait(client.undo("sample", ran["run_id"]))["outcome"] == "ok"
        assert tips(Path(known.path)) == before
        kinds = [one["kind"] for one in client.jobs("sample", limit=2)]
        assert kinds == ["undo", "report", "verify", "run", "plan"], "every job once"
        events = list(client.events_of_job(ran))
        assert [one.id for one in events] == sorted({one.id for one in events})
        assert events[-1].document["state"] == "done"
        assert list(client.events_of_job(ran, after=events[-1].id)) == []


def test_the_same_awaited(server: Served) -> None:
    async def main() -> None:
        async with AsyncClient(server.address, server.token()) as client:
            found = await client.wait(await client.forecast("sample"))
            document = await client.document(found, ForecastDocument)
            assert {one["branch"] for one in document["branches"]} >= {"clean", "clash"}
            with pytest.raises(UserError, match="came to forecast, not to PlanDocument"):
                await client.document(found, PlanDocument)
            first = await anext(client.events("sample", after=0))
            assert (first.id, first.kind) == (1, "job")
            newest = await anext(client.jobs(limit=1))
            assert newest["id"] == found["id"]
            with pytest.raises(Problem, match="no repository"):
                await client.plan("none")

    asyncio.run(main())


def test_what_is_refused(server: Served) -> None:
    with Client(server.address, server.token(Role.VIEWER)) as client:
        with pytest.raises(Problem) as refused:
            client.plan("sample")
        assert (refused.value.status, refused.value.code, refused.value.exit_code) == (403, "not_allowed", 2)
        with pytest.raises(Problem) as unknown:
            list(client.events("none"))
        assert unknown.value.code == "unknown_repository"
    with Client(server.address, server.token()) as client, pytest.raises(Problem) as faulty:
        client.plan("sample", strategy="magic")  # type: ignore[arg-type]
    assert faulty.value.code == "usage"
    assert faulty.value.faults[0].startswith("body.strategy: ")
    assert faulty.value.faults[0] in str(faulty.value)
    with Client("http://127.0.0.1:9", "gal_x") as client, pytest.raises(RemoteError):
        client.repositories()


class Restarted(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An idle repository of a service that is started again and again, and is busy in between; then something happens."""

    def __init__(self) -> None:
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked % 3 == 1:
            raise httpx.ConnectError("refused")
        if self.asked % 3 == 2:
            return httpx.Response(503, json={"code": "too_many_streams"})
        media = {"Content-Type": "text/event-stream"}
        event = b"id: 8\nevent: run\ndata: {}\n\n" if self.asked > 4 * attempts.ATTEMPTS else b""
        return httpx.Response(200, headers=media, content=b"event: here\nid: 7\ndata: \n\n" + event)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_a_stream_goes_on_as_long_as_the_service_comes_back() -> None:
    with Client("https://service", "gal_x", transport=Restarted()) as client:
        assert next(iter(client.events("sample"))).id == 8

    async def main() -> None:
        async with AsyncClient("https://service", "gal_x", transport=Restarted()) as awaited:
            assert (await anext(awaited.events("sample"))).id == 8

    asyncio.run(main())


def test_a_document_of_another_release_is_refused_with_the_next_step() -> None:
    call = calls.document_of_job("j1", PlanDocument, patiently=False)
    newer = b'{"format": "git-align/plan", "version": "9.0", "release": "9.1.0"}'
    with pytest.raises(RemoteError, match=r"use git-align 9\.1\.0") as refused:
        calls.answer(call, 200, "application/json", newer)
    assert "release of git-align that the service has" in refused.value.hint
    with pytest.raises(UserError, match="came to text, not to PlanDocument"):
        calls.answer(call, 200, "text/html", b"<!doctype html>")


def test_answers_that_no_service_gives() -> None:
    with pytest.raises(Problem, match="not JSON"):
        calls.answer(Client.repositories.call(), 200, "application/json", b"<html>")
    with pytest.raises(Problem, match="502") as gateway:
        calls.answer(Client.repositories.call(), 502, "text/html", b"<html>")
    assert (gateway.value.exit_code, gateway.value.retryable) == (3, False)


class Away(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A service that comes back after some attempts, or never; a gateway stands in for it now and then."""

    def __init__(self, comes_back_at: float) -> None:
        self.asked = 0
        self.comes_back_at = comes_back_at

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked < self.comes_back_at:
            if self.asked % 2:
                raise httpx.ConnectError("refused")
            return httpx.Response(502, text="<html>")
        if request.url.path.endswith("/events"):
            return httpx.Response(204)
        return httpx.Response(200, json={"id": "j1", "state": "done"})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_a_job_is_waited_for_while_the_service_is_away_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("gitalign.client.attempts.PAUSE_S", 0.5)
    monkeypatch.setattr("gitalign.client.synchronous.time.sleep", waited.append)
    monkeypatch.setattr("gitalign.client.asynchronous.asyncio.sleep", sleep)

    async def main(transport: Away) -> None:
        async with AsyncClient("https://service", "gal_x", transport=transport) as awaited:
            assert (await awaited.wait("j1"))["state"] == "done"

    with Client("https://service", "gal_x", transport=Away(50)) as client:
        assert client.wait("j1")["state"] == "done"
    asyncio.run(main(Away(50)))
    assert max(waited) == 5.0
    for never in (Client("https://service", "gal_x", transport=Away(float("inf"))).wait, None):
        waited.clear()
        with pytest.raises(RemoteError, match="job j1, which goes on there") as given_up:
            never("j1") if never is not None else asyncio.run(main(Away(float("inf"))))
        assert given_up.value.hint == "git align remote jobs --server https://service"
        assert sum(waited) >= attempts.PATIENCE_S
