"""Batches over HTTP: a plan is submitted, looked at, run by a worker, followed, stopped, gone on with, landed and undone."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign import facade
from gitalign.core.jobs import JobKind, JobState
from gitalign.service.application import create_app
from gitalign.service.standpoints import MOVED_SINCE
from gitalign.service.working.batch_policy import BatchPolicy
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.held_jobs import HeldJobs
from gitalign.store.service.jobs import Jobs
from tests import warm
from tests.documents.strict import validate
from tests.service.asking import ask, ended, tips
from tests.service.serving import DEADLINE_S, Served, served
from tests.service.serving import ended as over

BASE = "/api/v1/repositories/sample"
TASKS = """target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: a, shell: "echo from-a; echo a > a"}
  - {id: b, shell: "echo b > b", needs: [a]}
"""
WAITS = """target: main
tasks:
  - {{id: first, shell: "touch {0}/reached; while [ ! -e {0}/go ]; do sleep 0.05; done; echo 1 > w", commit_leftovers: true}}
  - {{id: second, shell: "echo 2 > v", commit_leftovers: true, needs: [first]}}
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def server(database_file: Path) -> Iterator[Served]:
    batches = {"allowed": True, "confinement": "none"}
    with served(create_app({"database": {"file": database_file}, "batches": batches})) as running:
        running.service.repositories.add("forbidding", "/nowhere", actor="test")
        yield running


@pytest.fixture
def client(server: Served, repository: Path) -> Iterator[httpx.Client]:
    (repository / ".git/gitalign").mkdir(exist_ok=True)
    (repository / ".git/gitalign/config.yaml").write_text("batch: {confinement: none}\n")
    with server.client() as client:
        yield client


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{BASE}/{path}", json=body)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    assert validate(document) == "job"
    return document


def expire(database: ServiceDatabase) -> None:
    with database.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1, not_before=0))


def state_of(client: httpx.Client, branch: str) -> str:
    rows = client.get(f"{BASE}/branches").json()["branches"]
    return next(str(row["state"]) for row in rows if row["branch"] == branch)


def submitted(client: httpx.Client, text: str) -> str:
    job = over(client, post(client, "batch-plans", text=text))
    assert job["state"] == "done", job
    assert "echo" not in str(job["params"]), "the text is kept apart"
    return str(job["plan_id"])


def test_a_plan_says_which_earlier_run_let_it_keep_tasks_apart(client: httpx.Client, repository: Path) -> None:
    """On its page, in its document, and on the page of the run; the same list again runs no task twice."""
    lines = ["target: main", "defaults: {commit_leftovers: true}", "tasks:"]
    lines += [
        f'  - {{id: t{name}, shell: "echo {name} > both; echo {name} >> {repository.parent}/ran"}}' for name in "ab"
    ]
    text = "\n".join(lines)
    first = over(client, post(client, "batches", plan_id=submitted(client, text)))
    assert first["outcome"] == "attention"
    planned = over(client, post(client, "batch-plans", text=text))
    document = client.get(f"{BASE}/batch-plans/{planned['plan_id']}").json()
    assert (validate(document), [one["task_ids"] for one in document["batches"]]) == ("batch-plan", [["ta"], ["tb"]])
    assert document["foresight"]["conflicts"][0]["batch_runs"] == [first["run_id"]]
    second = over(client, post(client, "batches", plan_id=planned["plan_id"]))
    assert second["outcome"] == "ok"
    why = f"their results conflicted in batch run {first['run_id']}"
    for page in (f"/jobs/{planned['id']}", f"/repositories/sample/batches/{second['run_id']}"):
        shown = client.get(page).text
        assert ("What the plan expects" in shown, why in shown, "ta and tb may conflict in" in shown) == (
            True,
            True,
            True,
        )
        assert f"By batch run {first['run_id']}." in shown
    again = over(client, post(client, "batches", plan_id=submitted(client, text)))
    assert (again["outcome"], again["run_id"]) == ("ok", second["run_id"])
    assert sorted((repository.parent / "ran").read_text().split()) == ["a", "a", "b", "b"]


def begun(client: httpx.Client, job: dict[str, Any], wanted: Path) -> str:
    """The batch run of a job, once a file of its first task is there."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        now = client.get(f"/api/v1/jobs/{job['id']}").json()
        assert now["state"] in ("queued", "running"), now
        if now["run_id"] and wanted.exists() and client.get(f"{BASE}/batches/{now['run_id']}").status_code == 200:
            return str(now["run_id"])
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_from_a_task_list_to_its_undo(client: httpx.Client, repository: Path) -> None:
    before = tips(repository)
    plan_id = submitted(client, TASKS)
    plan = client.get(f"{BASE}/batch-plans/{plan_id}")
    assert (validate(plan.json()), plan.headers["ETag"]) == ("batch-plan", f'"{plan_id}"')
    assert client.get(f"{BASE}/batch-plans/{plan_id}", headers={"If-None-Match": f'"{plan_id}"'}).status_code == 304
    assert tips(repository) == before
    for verb in ("plans", "forecasts"):
        over(client, post(client, verb))
    assert state_of(client, "clean") == "clean"
    job = over(client, post(client, "batches", plan_id=plan_id))
    assert (job["state"], job["outcome"]) == ("done", "ok"), job
    assert state_of(client, "clean") == MOVED_SINCE, "its target moved when the batch landed"
    assert "not known since it or its target moved" in client.get("/repositories/sample/branches/clean").text
    batch = job["run_id"]
    state = client.get(f"{BASE}/batches/{batch}").json()
    assert (validate(state), state["status"], state["is_alive"]) == ("batch-run", "completed", False)
    assert state["options"]["given_by"].startswith(f"service job {job['id']}")
    log = client.get(f"{BASE}/batches/{batch}/logs/a").json()
    assert (validate(log), log["is_over"]) == ("task-log", True)
    assert "from-a" in log["text"]
    shown = client.get(f"/repositories/sample/batches/{batch}").text
    assert ("What needs what" in shown, "Who ran when" in shown, shown.count('class="arrow"')) == (True, True, 1)
    assert "from-a" in client.get(f"/repositories/sample/batches/{batch}/tasks/a").text
    assert batch in client.get("/repositories/sample/batches").text
    rest = client.get(f"{BASE}/batches/{batch}/logs/a", params={"offset": 3}).json()
    assert (rest["text"], rest["next"]) == (log["text"][3:], log["next"])
    first = client.get(f"{BASE}/batches/{batch}/events", params={"limit": 2}).json()
    assert validate(first) == "batch-events"
    second = client.get(f"{BASE}/batches/{batch}/events", params={"cursor": first["next"]}).json()
    events = first["events"] + second["events"]
    known = facade.batch_events(facade.Request(repo=repository), batch).events
    assert [one["seq"] for one in events] == [one.seq for one in known], "all of them, once"
    page = over(client, post(client, f"batches/{batch}/reports"))
    assert client.get(f"/api/v1/jobs/{page['id']}/document").text.startswith("<!doctype html>")
    over(client, post(client, "batch-lists"))
    listed = client.get(f"{BASE}/batch-list").json()
    assert (validate(listed), [one["id"] for one in listed["batch_runs"]]) == ("batch-runs", [batch])
    undone = over(client, post(client, f"batches/{batch}/undo"))
    assert undone["outcome"] == "ok"
    assert validate(client.get(f"/api/v1/jobs/{undone['id']}/document").json()) == "batch-landings"
    assert tips(repository) == before
    repeated = over(client, post(client, f"batches/{batch}/undo"))
    assert (repeated["state"], repeated["outcome"]) == ("done", "already_undone"), "nothing was done now"
    again = over(client, post(client, f"batches/{batch}/land"))
    assert (again["state"], tips(repository) != before) == ("done", True), again


def test_a_batch_is_paused_cancelled_gone_on_with_and_others_are_not_kept_waiting(
    client: httpx.Client, repository: Path, tmp_path: Path
) -> None:
    job = post(client, "batches", plan_id=submitted(client, WAITS.format(tmp_path)))
    batch = begun(client, job, tmp_path / "reached")
    assert over(client, post(client, "plans"))["state"] == "done", "plans have threads of their own"
    state = client.get(f"{BASE}/batches/{batch}").json()
    assert (state["is_alive"], state["tasks"]["first"]["status"]) == (True, "running")
    assert post(client, f"batches/{batch}/pause")["asked"] == "pause"
    refused = client.post(f"{BASE}/batches/{batch}/retry", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "batch_is_running")
    paused = facade.Request(repo=repository)
    deadline = time.monotonic() + DEADLINE_S
    while facade.batch_status(paused, batch).status != "paused":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert post(client, f"batches/{batch}/resume")["asked"] == "", "the same job goes on"
    assert post(client, f"batches/{batch}/cancel")["asked"] == "cancel"
    ended_job = over(client, job)
    assert (ended_job["state"], ended_job["outcome"]) == ("stopped", "interrupted")
    again = client.post(f"{BASE}/batches/{batch}/stop")
    assert (again.status_code, again.json()["code"]) == (409, "batch_not_running")
    (tmp_path / "go").touch()
    resumed = over(client, post(client, f"batches/{batch}/resume"))
    assert (resumed["outcome"], resumed["kind"]) == ("ok", "batch-resume"), resumed
    assert client.get(f"{BASE}/batches/{batch}").json()["status"] == "completed"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tasks: [{id: a, shell: 'true', environment: [PATH_OF_KEYS]}]", "plan_not_allowed"),
        ("tasks: [{id: a, shell: 'true', secrets: {KEY: {file: /etc/passwd}}}]", "plan_not_allowed"),
        ("tasks: [{id: a, shell: 'true', secrets: {KEY: {command: [cat, /etc/passwd]}}}]", "plan_not_allowed"),
        ("tasks: [{id: a, shell: 'true', secrets: {KEY: {environment: HOME}}}]", "plan_not_allowed"),
        ("tasks: [{id: a, shel: 'true'}]", "bad_task_list"),
        ("nothing: 1", "bad_task_list"),
    ],
)
def test_plans_that_are_refused(database: ServiceDatabase, text: str, code: str) -> None:
    job = ask(database, JobKind.BATCH_PLAN, name="tasks.yaml", text=json.dumps({"text": f"{{target: main, {text}}}"}))
    worker = Workers(database, WorkSettings(batches=BatchPolicy(allowed=True)))
    assert worker.work_once()
    found, document = ended(database, job)
    assert (found.state, document) == (JobState.FAILED, None)
    assert found.error is not None
    assert found.error["code"] == code, found.error


def test_nothing_runs_where_batches_are_not_allowed(database: ServiceDatabase, database_file: Path) -> None:
    with served(create_app({"database": {"file": database_file}})) as running, running.client() as client:
        for path, body in (
            ("batch-plans", {"text": TASKS}),
            ("batches", {"plan_id": "0" * 64}),
            ("batches/20260101-000000-abcdef/land", {}),
        ):
            answer = client.post(f"{BASE}/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "batches_not_allowed")
    job = ask(database, JobKind.BATCH_RUN, plan_id="0" * 64)
    assert HeldJobs(database, lease_s=60).claim("short", [JobKind.PLAN]) is None
    assert Workers(database, WorkSettings()).work_once(), "a worker of other settings looks again"
    found, _ = ended(database, job)
    assert found.error is not None
    assert found.error["code"] == "batches_not_allowed"


def test_a_killed_worker_loses_no_batch_and_none_runs_twice(
    database: ServiceDatabase, database_file: Path, repository: Path, tmp_path: Path
) -> None:
    """Killed while a task runs; another worker goes on with the same batch run."""
    text = WAITS.format(tmp_path)
    plan_job = ask(database, JobKind.BATCH_PLAN, name="tasks.yaml", text=json.dumps({"text": text}))
    policy = BatchPolicy(allowed=True, confinement="none")
    (repository / ".git/gitalign").mkdir(exist_ok=True)
    (repository / ".git/gitalign/config.yaml").write_text("batch: {confinement: none}\n")
    Workers(database, WorkSettings(batches=policy)).work_once()
    plan_id = Jobs(database).get(plan_job.id).plan_id
    job = ask(database, JobKind.BATCH_RUN, plan_id=plan_id)
    child = warm.begin("tests.service.batching:main", database_file)
    deadline = time.monotonic() + DEADLINE_S
    while not (tmp_path / "reached").exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (tmp_path / "go").touch()
    expire(database)
    Workers(database, WorkSettings(batches=policy)).work_once()
    found, state = ended(database, job)
    assert (found.state, found.outcome, found.attempts) == (JobState.DONE, "ok", 2), found.error
    runs = facade.batch_list(facade.Request(repo=repository))
    assert [one.run.id for one in runs] == [found.run_id] == [state["id"]]
    assert {"w", "v"} <= set(_files(repository))


def _files(repository: Path) -> list[str]:
    words = ["git", "ls-tree", "--name-only", "main"]
    return subprocess.run(words, cwd=repository, capture_output=True, text=True, check=True).stdout.split()
