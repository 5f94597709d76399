"""`Idempotency-Key` on every POST of the API: sent again there is one effect and the same answer; another request is refused."""

from __future__ import annotations

import itertools
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.core.schedules import ScheduledKind
from gitalign.service.administration import WantedSchedule, new_schedule
from gitalign.service.credentials import new_key
from gitalign.store.service import schema
from gitalign.store.service.answers import Answers
from gitalign.store.service.jobs import JobFilter
from tests.service.people import PASSWORD, sign_in, visiting, with_people
from tests.service.serving import Served
from tests.service.test_api import needs, routes

RUN = "20260101-000000-abcdef"
NUMBERS = itertools.count(1)
TASKS = "target: main\ntasks:\n  - {id: a, shell: 'true'}\n"
PLAN = "0" * 64
NEW: dict[str, dict[str, Any]] = {
    "/api/v1/repositories": {"name": "more", "path": "/srv/more"},
    "/api/v1/users": {"name": "bea"},
    "/api/v1/tokens": {"name": "ci"},
    "/api/v1/account/password": {"old": PASSWORD, "new": PASSWORD + "!"},
    "/api/v1/account/tokens": {"name": "laptop"},
    "credential": {"kind": "basic", "username": "ada", "secret": "hidden"},
    "webhooks": {"url": "https://ci.example.org/hook"},
    "schedules": {"kind": "forecast", "cron": "0 * * * *"},
    "batch-plans": {"text": TASKS},
    "execution-plan/build": {"text": TASKS},
    "runs": {"plan_id": PLAN},
    "batches": {"plan_id": PLAN},
    "stories": {"run_id": RUN, "branch": "clean"},
    "paths/touches": {"patterns": ["*"]},
    "paths/claims": {"patterns": ["*"]},
    "resolutions/show": {"name": "abcd"},
    "resolutions/forget": {"name": "abcd"},
    "resolutions/import": {"ref": "refs/heads/x"},
    "resolve": {"branch": "clean"},
    "restore": {"branch": "clean"},
    "worktrees/{epic}/create": {"epic_name": "one"},
    "worktrees/{epic}/resolve": {"strategy": "ours"},
}
"""Bodies by path, or by its end below the repository or project; `{}` for all others."""


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("repeats")
    file = Path(shutil.copyfile(empty_database, folder / "service.db"))
    (folder / "keys").write_text(new_key() + "\n")
    (folder / "keys").chmod(0o600)
    more = {
        "batches": {"allowed": True, "confinement": "none"},
        "limits": {"open_jobs": 1_000, "open_jobs_of_user": 1_000, "requests_per_minute": 10_000, "wait_seconds": 0.01},
        "repositories": {"hosts": ["git.example.org"], "key_file": str(folder / "keys"), "folder": str(folder / "m")},
    }
    with with_people(file, **more) as running:
        running.service.repositories.add("shop", str(folder / "shop"), actor="test")
        running.service.repositories.add_address("far", "https://git.example.org/far", actor="test", folder=folder)
        yield running


@pytest.fixture(scope="module")
def browser(server: Served) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        assert sign_in(client).status_code == 303
        yield client


def posts(server: Served) -> list[str]:
    return [path for path, known in server.app.openapi()["paths"].items() if "post" in known]


def body_of(path: str) -> dict[str, Any]:
    rest = re.sub(r"^/api/(v1/repositories/\{repository\}|projects/\{project\})/", "", path)
    return dict(NEW.get(path) or NEW.get(rest) or {})


def written_anew(server: Served) -> int:
    """What there is to be changed: entries of the audit trail, each of them an effect."""
    return len(server.service.audit.newest(5_000))


def under_way(server: Served, kind: JobKind, **more: Any) -> str:
    """A job that waits."""
    new = NewJob(repository="shop", kind=kind, created_by="test", **more)
    return server.service.jobs.add(new, job_id=f"{next(NUMBERS):032x}", most_open=2_000)[0].id


def stop_all(server: Served) -> None:
    jobs = server.service.jobs
    for job, _ in jobs.listed(JobFilter(states=[JobState.QUEUED]), limit=100):
        jobs.request_stop(job.id, actor="test")


def prepared(server: Served, path: str) -> str:
    """The address of a route, with what it needs to be there."""
    run = f"20260101-000000-{next(NUMBERS):06x}"
    job = ""
    if "/parallel/" in path or path.endswith(("/pause", "/stop", "/cancel")) or "/batches/{batch}/resume" in path:
        kind = JobKind.DOCTOR if "{job}" in path else JobKind.BATCH_RUN
        if not path.endswith("/parallel/start"):
            job = under_way(server, kind, run_id=run)
    wanted = WantedSchedule(kind=ScheduledKind.FORECAST, cron="0 6 * * *")
    schedule = new_schedule(server.service.database, "shop", wanted).id if "{schedule}" in path else ""
    names = {
        "schedule": schedule,
        "repository": "far" if "/credential" in path else "shop",
        "project": "shop",
        "job": job,
        "batch": run,
        "run_id": RUN,
        "epic": "1",
    }
    return path.format(**names)


def alone(server: Served, browser: httpx.Client, path: str, key: str, **body: Any) -> httpx.Response:
    """A request on a connection of its own."""
    headers = {**browser.headers, "Idempotency-Key": key}
    return httpx.post(server.address + path, json=body, headers=headers, trust_env=False)


def test_every_post_takes_a_key(server: Served) -> None:
    known = server.app.openapi()["paths"]
    without = [
        path
        for path in posts(server)
        if "idempotency-key" not in {one["name"].lower() for one in known[path]["post"].get("parameters", ())}
    ]
    assert (without, len(posts(server)) > 50) == ([], True)


def test_sent_again_a_request_has_one_effect(server: Served, browser: httpx.Client) -> None:
    made = [under_way(server, kind, plan_id=PLAN) for kind in (JobKind.PLAN, JobKind.BATCH_PLAN)]
    with server.service.database.writing() as connection:
        for id_of_job in made:
            connection.execute(update(schema.jobs).where(schema.jobs.c.id == id_of_job).values(state="done"))
    browser.post("/api/projects/shop/execution-plan/build", json={"text": TASKS}).raise_for_status()
    roles = {path: needs(one)[0].role for method, path, one in routes(server) if method == "POST" and needs(one)}
    for path in posts(server):
        if path.endswith("/token-exchanges"):
            continue  # needs an issuer: see `test_ci_tokens.py`
        key = {"Idempotency-Key": f"k{next(NUMBERS)}"}
        address, body = prepared(server, path), body_of(path)
        first = browser.post(address, json=body, headers=key)
        assert first.status_code < 300, (path, first.text)
        asked_for = first.json() if first.content else {}
        if "attempts" in asked_for and not path.endswith(("/pause", "/stop", "/cancel")):
            assert roles[path] is JobKind(asked_for["kind"]).role, f"{path}: checked again when it is carried out"
        effects = written_anew(server)
        again = browser.post(address, json=body, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content), (path, again.text)
        assert written_anew(server) == effects, path
        elsewhere = "doctor" if not path.endswith("doctor") else "order"
        other = browser.post(f"/api/v1/repositories/shop/{elsewhere}", json={}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused"), path
        stop_all(server)


def test_at_the_same_time_there_is_one_effect_too(server: Served, browser: httpx.Client) -> None:
    answers = []
    effects = written_anew(server)

    def send() -> None:
        answer = httpx.post(
            f"{server.address}/api/v1/tokens",
            json={"name": "twice"},
            headers={**browser.headers, "Idempotency-Key": "t"},
        )
        answers.append((answer.status_code, answer.content))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [201] * 4
    assert (len(set(answers)), written_anew(server)) == (1, effects + 1)


def test_what_ended_without_an_answer_is_not_done_twice(
    server: Served, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.service.repeats._WAIT_S", 0.0)
    key = {"Idempotency-Key": "killed"}

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as dying:
        dying.setattr(Answers, "keep", killed)
        assert alone(server, browser, "/api/v1/tokens", "killed", name="once").status_code == 500
    effects = written_anew(server)
    again = browser.post("/api/v1/tokens", json={"name": "once"}, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_unknown")
    job = under_way(server, JobKind.DOCTOR)
    with monkeypatch.context() as dying:
        dying.setattr(Answers, "keep", killed)
        assert alone(server, browser, f"/api/v1/jobs/{job}/stop", "stop").status_code == 500
    assert alone(server, browser, f"/api/v1/jobs/{job}/stop", "stop").status_code in (202, 400)
    assert written_anew(server) == effects + 2, "a job that was written, and its end"


def test_a_refused_request_can_be_sent_again(server: Served, browser: httpx.Client) -> None:
    key = {"Idempotency-Key": "refused"}
    for _ in range(2):
        refused = browser.post("/api/v1/users", json={"name": "ada"}, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "name_taken"), refused.text
    assert browser.post("/api/v1/users", json={"name": "cleo"}, headers=key).status_code == 201


def test_secrets_of_answers_are_not_in_the_database(server: Served, browser: httpx.Client) -> None:
    key = {"Idempotency-Key": "sealed"}
    token = browser.post("/api/v1/tokens", json={"name": "sealed"}, headers=key).json()["tokens"][0]["token"]
    with server.service.database.reading() as connection:
        rows = str(connection.execute(schema.answers.select()).all())
    assert ("gal_" in token, token in rows, "sealed" in rows) == (True, False, False)
