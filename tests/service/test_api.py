"""The API on a real server: from a plan to its undo, problems, events that come back, who may what."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind
from gitalign.service.access import Needs
from gitalign.service.application import create_app
from tests.documents.strict import validate
from tests.service.asking import tips
from tests.service.serving import Served, ended, served

PUBLIC = {
    "/health",
    "/ready",
    "/sign-in",
    "/sign-in/{link}",
    "/openid/start",
    "/openid/callback",
    "/api/v1/token-exchanges",
}
SAFE_NAME = "sample"


@pytest.fixture(scope="module")
def place(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of this module: every test starts from what the others left, with branches put back."""
    return Path(shutil.copytree(sample, tmp_path_factory.mktemp("api") / "repo"))


@pytest.fixture(scope="module")
def server(place: Path, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("api-db") / "service.db"))
    limits = {"body_bytes": 20_000, "requests_per_minute": 100_000}
    with served(create_app({"database": {"file": file}, "limits": limits})) as running:
        service = running.service
        service.repositories.add(SAFE_NAME, str(place), actor="test")
        service.repositories.add("hidden", "/nowhere", actor="test")
        service.repositories.add("untouched", "/nowhere", actor="test")
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def posted(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/repositories/{SAFE_NAME}/{path}", json=body)
    assert answer.status_code == 202, answer.text
    assert validate(answer.json()) == "job"
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return ended(client, answer.json())


def test_from_a_plan_to_its_undo(client: httpx.Client, place: Path) -> None:
    before = tips(place)
    base = f"/api/v1/repositories/{SAFE_NAME}"
    job = posted(client, "plans")
    plan = client.get(f"{base}/plans/{job['plan_id']}")
    assert (plan.status_code, validate(plan.json()), plan.headers["ETag"]) == (200, "plan", f'"{job["plan_id"]}"')
    unchanged = client.get(f"{base}/plans/{job['plan_id']}", headers={"If-None-Match": plan.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert posted(client, "forecasts", pairs=True)["state"] == "done"
    assert validate(client.get(f"{base}/forecast").json()) == "forecast"
    assert posted(client, "conflicts")["outcome"] == "attention"
    assert validate(client.get(f"{base}/conflicts").json()) == "conflicts"
    assert tips(place) == before

    stale = client.post(f"{base}/runs", json={"plan_id": job["plan_id"]}, headers={"If-Match": '"another"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "state_changed")
    key = {"Idempotency-Key": "once", "If-Match": plan.headers["ETag"]}
    first = client.post(f"{base}/runs", json={"plan_id": job["plan_id"]}, headers=key)
    again = client.post(f"{base}/runs", json={"plan_id": job["plan_id"]}, headers=key)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = client.post(f"{base}/runs", json={"plan_id": job["plan_id"], "push": True}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    run = ended(client, first.json())
    assert (run["state"], run["outcome"]) == ("done", "attention")
    report = client.get(f"{base}/runs/{run['run_id']}").json()
    assert validate(report) == "report"
    assert {name for name, tip in tips(place).items() if before[name] != tip} == {"clean", "feature/<b>two"}

    rows = client.get(f"{base}/branches", params={"limit": 2}).json()
    assert validate(rows) == "branches"
    rest = client.get(f"{base}/branches", params={"limit": 2, "cursor": rows["next"]}).json()
    assert [one["branch"] for one in rows["branches"] + rest["branches"]] == ["clash", "clean", "feature/<b>two"]
    assert rest["next"] is None
    verdicts = {one["branch"]: one["verdict"] for one in rows["branches"]}
    assert verdicts == {"clash": "conflicted", "clean": "aligned"}
    one = client.get(f"{base}/branches/feature/<b>two").json()
    assert one["branches"][0]["forecast"] == "clean"

    assert posted(client, f"runs/{run['run_id']}/proofs")["outcome"] == "ok"
    assert validate(client.get(f"{base}/runs/{run['run_id']}/certificates").json()) == "proofs"
    page = posted(client, f"runs/{run['run_id']}/reports", format="html")
    document = client.get(f"/api/v1/jobs/{page['id']}/document")
    assert document.text.startswith("<!doctype html>")
    assert document.headers["Content-Disposition"] == "attachment", "a report's page has scripts of its own"

    undo = posted(client, f"runs/{run['run_id']}/undo")
    assert undo["outcome"] == "ok"
    assert tips(place) == before

    assert validate(client.get("/api/v1/jobs").json()) == "jobs"
    assert [one["kind"] for one in client.get(f"{base}/runs").json()["jobs"]] == ["undo", "run"]
    assert [one["kind"] for one in client.get(f"{base}/plans").json()["jobs"]] == ["plan"]
    page_one = client.get("/api/v1/jobs", params={"limit": 3}).json()
    page_two = client.get("/api/v1/jobs", params={"limit": 3, "cursor": page_one["next"]}).json()
    assert not {one["id"] for one in page_one["jobs"]} & {one["id"] for one in page_two["jobs"]}
    audit = client.get("/api/v1/audit").json()
    assert validate(audit) == "audit-trail"
    assert {"job.create", "repository.add", "token.create"} <= {one["action"] for one in audit["entries"]}

    seeds = client.get("/api/conflicts", params={"repository": SAFE_NAME}).json()
    assert seeds["summary"]["total_conflicts"] == 1
    assert seeds["conflicts"][0]["file_path"] == "list"
    assert client.get("/api/analysis", params={"repository": SAFE_NAME}).json()["total"] == 3
    resolution = client.get("/api/resolution", params={"repository": SAFE_NAME})
    assert resolution.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/repositories/none", None, 404, "unknown_repository"),
        ("GET", "/api/v1/jobs/none", None, 404, "unknown_job"),
        ("GET", "/api/v1/nothing", None, 404, "not_found"),
        ("PUT", "/api/v1/jobs", None, 405, "method_not_allowed"),
        ("GET", "/api/v1/jobs?limit=0", None, 422, "usage"),
        ("GET", "/api/v1/jobs?cursor=x", None, 422, "usage"),
        ("POST", f"/api/v1/repositories/{SAFE_NAME}/plans", {"unknown": 1}, 422, "usage"),
        ("POST", f"/api/v1/repositories/{SAFE_NAME}/plans", {"only": ["a\0b"]}, 422, "usage"),
        ("POST", f"/api/v1/repositories/{SAFE_NAME}/plans", {"strategy": "magic"}, 422, "usage"),
        ("POST", f"/api/v1/repositories/{SAFE_NAME}/runs", {"plan_id": "0" * 64}, 404, "unknown_plan"),
        ("POST", f"/api/v1/repositories/{SAFE_NAME}/runs", {}, 422, "usage"),
        ("POST", "/api/v1/repositories", {"name": SAFE_NAME, "path": "/x"}, 409, "name_taken"),
        ("POST", "/api/v1/repositories", {"name": "../x", "path": "/x"}, 422, "usage"),
        ("POST", "/api/v1/repositories", {"name": "x", "path": "relative"}, 422, "usage"),
        ("GET", "/api/conflicts?repository=untouched", None, 404, "not_known_yet"),
        ("GET", "/api/analysis?repository=untouched", None, 404, "not_known_yet"),
        ("GET", "/api/resolution?repository=untouched", None, 404, "not_known_yet"),
    ],
)
def test_problems(client: httpx.Client, method: str, path: str, body: Any, status: int, code: str) -> None:
    answer = client.request(method, path, json=body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert (answer.status_code, said["status"], said["code"]) == (status, status, code)
    assert said["detail"]


def test_bounds(server: Served, client: httpx.Client) -> None:
    large = {"only": ["x" * 900] * 30}
    answer = client.post(f"/api/v1/repositories/{SAFE_NAME}/plans", json=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def parts() -> Iterator[bytes]:
        yield b'{"only": ["'
        for _ in range(50):
            yield b"x" * 900

    answer = client.post(
        f"/api/v1/repositories/{SAFE_NAME}/plans", content=parts(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413, "also where the length was not announced"
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/ready").json() == {"status": "ok"}
    answer = client.get("/health", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    assert client.get("/health", headers={"X-Request-Id": "a\tb"}).headers["X-Request-Id"] != "a\tb"


def messages(stream: httpx.Response, most: int) -> list[tuple[str, int, str]]:
    """The first messages of an event stream: event, id, data."""
    found: list[tuple[str, int, str]] = []
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name.rstrip(":")] = value
            continue
        if fields:
            found.append((fields.get("event", ""), int(fields.get("id", "-1")), fields.get("data", "")))
            fields = {}
        if len(found) == most:
            return found
    return found


def test_a_stream_that_is_cut_goes_on_where_it_ended(client: httpx.Client) -> None:
    job = posted(client, "forecasts")
    address = f"/api/v1/jobs/{job['id']}/events"
    with client.stream("GET", address) as stream:
        whole = messages(stream, 1_000)
    assert whole[0][0] == "here"
    events = whole[1:]
    assert json.loads(events[-1][2])["state"] == "done", "the stream ends with its job"
    assert [one[1] for one in events] == sorted({one[1] for one in events})
    seen: list[tuple[str, int, str]] = []
    last = None
    while True:  # cut after every second message
        headers: dict[str, str] = {} if last is None else {"Last-Event-ID": str(last)}
        with client.stream("GET", address, headers=headers) as stream:
            if stream.status_code == 204:
                break
            part = messages(stream, 3)
        assert part[0][0] == "here"
        seen += part[1:]
        last = part[-1][1]
    assert seen == events, "nothing is missed, nothing comes twice"


def test_a_stream_of_a_repository_begins_now(server: Served, client: httpx.Client) -> None:
    newest = client.get(f"/api/v1/repositories/{SAFE_NAME}").json()["repositories"][0]["last_event"]
    with client.stream("GET", f"/api/v1/repositories/{SAFE_NAME}/events") as stream:
        with server.client() as another:
            job = posted(another, "forecasts")
        first = messages(stream, 2)
    assert first[0] == ("here", newest, "")
    assert first[1][:2] == ("job", newest + 1)
    assert json.loads(first[1][2])["id"] == job["id"]


@pytest.mark.parametrize("beyond", [{"headers": {"Last-Event-ID": "9" * 18}}, {"params": {"after": 10**18}}])
def test_a_stream_from_beyond_the_end_begins_at_the_end(
    server: Served, client: httpx.Client, beyond: dict[str, Any]
) -> None:
    newest = client.get(f"/api/v1/repositories/{SAFE_NAME}").json()["repositories"][0]["last_event"]
    address = f"/api/v1/repositories/{SAFE_NAME}/events"
    with server.client() as another, client.stream("GET", address, **beyond) as stream:
        job = posted(another, "forecasts")
        assert messages(stream, 2)[1][:2] == ("job", newest + 1)
        with another.stream("GET", f"/api/v1/jobs/{job['id']}/events") as whole:
            messages(whole, 1_000)
        assert another.get(f"/api/v1/jobs/{job['id']}/events", **beyond).status_code == 204


def routes(server: Served) -> Iterator[tuple[str, str, Any]]:
    """Method, path and dependencies of every route; FastAPI keeps included routers whole, and says what they come to."""
    every: list[Any] = list(server.app.routes)
    for route in every:
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]
        for one in contexts:
            for method in sorted(getattr(one, "methods", None) or ()):
                if hasattr(one, "dependant"):
                    yield method, one.path, one.dependant


def needs(dependant: Any) -> list[Needs]:
    waiting, found = [dependant], []
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        if isinstance(dependant.call, Needs):
            found.append(dependant.call)
    return found


LEAST = {
    ("POST", "runs"): Role.LANDER,
    ("POST", "run"): Role.LANDER,
    ("POST", "undo"): Role.LANDER,
    ("POST", "resume"): Role.LANDER,
    ("POST", "batch-plans"): Role.LANDER,
    ("POST", "batches"): Role.LANDER,
    ("POST", "retry"): Role.LANDER,
    ("POST", "land"): Role.LANDER,
    ("POST", "start"): Role.LANDER,
    ("POST", "build"): Role.LANDER,
    ("PATCH", "execution-plan"): Role.LANDER,
    ("POST", "create"): Role.LANDER,
    ("POST", "merge"): Role.LANDER,
    ("POST", "sync"): Role.LANDER,
    ("POST", "forget"): Role.LANDER,
    ("POST", "webhooks"): Role.ADMIN,
    ("GET", "webhooks"): Role.ADMIN,
    ("GET", "deliveries"): Role.ADMIN,
    ("DELETE", "{webhook}"): Role.ADMIN,
    ("POST", "import"): Role.LANDER,
    ("POST", "prune"): Role.LANDER,
    ("POST", "prune-merged"): Role.LANDER,
    ("POST", "restore"): Role.LANDER,
    ("POST", "pushes"): Role.LANDER,
    ("POST", "resolve"): Role.LANDER,
    ("DELETE", "{epic}"): Role.LANDER,
    ("POST", "repositories"): Role.ADMIN,
    ("DELETE", "{repository}"): Role.ADMIN,
    ("POST", "credential"): Role.ADMIN,
    ("POST", "schedules"): Role.LANDER,
    ("DELETE", "{schedule}"): Role.LANDER,
    ("POST", "enable"): Role.LANDER,
    ("POST", "disable"): Role.LANDER,
    ("POST", "remove"): Role.LANDER,
    ("DELETE", "credential"): Role.ADMIN,
    ("GET", "audit"): Role.ADMIN,
    ("POST", "sign-out"): Role.VIEWER,
}
ADMINISTRATION = re.compile(
    r"(/api/v1)?/(users|people|tokens|credentials|audit|settings|repositories/\{repository\}/credential)(/.*)?"
)
"""For administrators, whatever is done."""
OWN = re.compile(r"(/api/v1)?/account(/.*)?")
"""For each about the own account."""
"""Of the others, what looks needs a viewer and what asks for a job an operator."""


def test_every_route_for_every_role(server: Served) -> None:
    found = list(routes(server))
    assert len(found) > 30
    with ExitStack() as stack:
        clients = {role: stack.enter_context(server.client(role)) for role in (None, *Role)}
        elsewhere = stack.enter_context(server.client(Role.ADMIN, "hidden"))
        for method, path, dependant in found:
            if path in PUBLIC:
                assert needs(dependant) == [], path
                continue
            (own,) = needs(dependant)
            least = LEAST.get((method, path.rsplit("/", 1)[1]), Role.VIEWER if method == "GET" else Role.OPERATOR)
            least = Role.ADMIN if ADMINISTRATION.fullmatch(path) else Role.VIEWER if OWN.fullmatch(path) else least
            assert own.everywhere or not ADMINISTRATION.fullmatch(path)
            assert own.role is least, (method, path)
            address = path.replace("{repository}", SAFE_NAME).replace("{project}", SAFE_NAME)
            address = re.sub(r"\{[^}]*\}", "none", address)
            for role, client in clients.items():
                if role is None or not role.includes(least):
                    answer = client.request(method, address)
                    refused = (401, 303) if role is None else (403,)
                    assert answer.status_code in refused, (method, path, role, answer.status_code)
            if "{repository}" in path or "{project}" in path:
                answer = elsewhere.request(method, address)
                wanted = (403, 404) if own.everywhere else (404,)
                assert answer.status_code in wanted, (method, path, answer.status_code)


def test_a_token_sees_its_repositories_alone(server: Served, client: httpx.Client) -> None:
    job = posted(client, "plans")
    with server.client(Role.ADMIN, "hidden") as other:
        listed = other.get("/api/v1/repositories").json()
        assert [one["name"] for one in listed["repositories"]] == ["hidden"]
        assert validate(listed) == "repositories"
        assert other.get("/api/v1/jobs").json()["jobs"] == []
        for path in (f"/api/v1/jobs/{job['id']}", f"/api/v1/jobs/{job['id']}/document", f"/jobs/{job['id']}"):
            assert other.get(path).status_code == 404
        assert other.post(f"/api/v1/jobs/{job['id']}/stop").status_code == 404
        assert other.get("/api/conflicts", params={"repository": SAFE_NAME}).status_code == 404
        assert other.post("/api/v1/repositories", json={"name": "x", "path": "/x"}).status_code == 403
        assert other.get("/api/v1/audit").status_code == 403


def test_where_a_repository_is_is_for_administrators(server: Served, client: httpx.Client, place: Path) -> None:
    for address in ("/api/v1/repositories", f"/api/v1/repositories/{SAFE_NAME}"):
        assert str(place) in client.get(address).text
        with server.client(Role.LANDER) as other:
            answer = other.get(address)
            assert str(place) not in answer.text
            assert validate(answer.json()) == "repositories"


def test_bad_tokens(server: Served) -> None:
    for header in ("Bearer gal_nonsense", "Bearer", "Basic abc", "Bearer " + "x" * 5_000):
        with server.client(None) as client:
            answer = client.get("/api/v1/jobs", headers={"Authorization": header})
            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_job_that_fails_says_why(server: Served, client: httpx.Client) -> None:
    answer = client.post("/api/v1/repositories/hidden/plans", json={})
    job = ended(client, answer.json())
    assert (job["state"], job["error"]["code"]) == ("failed", "not_a_repository")
    assert client.get(f"/api/v1/jobs/{job['id']}/document").json()["code"] == "no_document"
    assert client.post(f"/api/v1/jobs/{job['id']}/stop").json()["code"] == "job_is_over"
    assert JobKind(job["kind"]) is JobKind.PLAN


def test_what_the_original_requests_name_fails_by_its_name(client: httpx.Client) -> None:
    for ask, show, code in (
        ("conflicts", "conflicts", "conflict_detection_failed"),
        ("forecasts", "analysis", "analysis_failed"),
        ("runs/20260101-000000-abcdef/undo", "resolution", "resolution_failed"),
    ):
        ended(client, client.post(f"/api/v1/repositories/hidden/{ask}", json={}).json())
        answer = client.get(f"/api/{show}", params={"repository": "hidden"})
        assert (answer.status_code, answer.json()["code"]) == (424, code)
        assert answer.json()["detail"]


def test_repositories_come_and_go(client: httpx.Client) -> None:
    made = client.post("/api/v1/repositories", json={"name": "other", "path": "/srv/other"})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/repositories/other")
    assert client.delete("/api/v1/repositories/other").status_code == 204
    assert client.delete("/api/v1/repositories/other").status_code == 404
