"""The endpoints of the original requests under `/api/projects/ID`, on a real server with real git."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.service.application import create_app
from tests.service.asking import tips
from tests.service.serving import DEADLINE_S, Served, served
from tests.service.serving import ended as over

TASKS = {
    "target": "main",
    "tasks": [
        {"id": "a", "shell": "while [ ! -e {0}/go ]; do sleep 0.05; done; echo a > a", "commit_leftovers": True},
        {"id": "b", "shell": "echo b > b", "commit_leftovers": True, "needs": ["a"]},
    ],
}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def server(database_file: Path, repository: Path) -> Iterator[Served]:
    (repository / ".git/gitalign").mkdir(exist_ok=True)
    (repository / ".git/gitalign/config.yaml").write_text("batch: {confinement: none}\n")
    settings = {"database": {"file": database_file}, "batches": {"allowed": True, "confinement": "none"}}
    with served(create_app(settings)) as running:
        running.service.repositories.add("hidden", "/nowhere", actor="test")
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def base(client: httpx.Client) -> str:
    (found,) = client.get("/api/v1/repositories/sample").json()["repositories"]
    return f"/api/projects/{UUID(found['id'])}"


def built(client: httpx.Client, base: str, tmp_path: Path) -> httpx.Response:
    text = str(TASKS).replace("{0}", str(tmp_path)).replace("True", "true").replace("'", '"')
    answer = client.post(f"{base}/execution-plan/build", json={"text": text, "name": "tasks.json"})
    assert answer.status_code == 200, answer.text
    return answer


def wait_for(client: httpx.Client, address: str, wanted: Any) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        said: dict[str, Any] = client.get(address).json()
        if wanted(said):
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def test_what_is_not_there(client: httpx.Client, server: Served, base: str) -> None:
    nobody = f"/api/projects/{UUID(int=7)}"
    assert client.post(f"{nobody}/parallel/start").status_code == 404
    assert client.get(f"{nobody}/parallel/status").json()["code"] == "unknown_project"
    refused = client.post(f"{base}/parallel/start")
    assert (refused.status_code, refused.json()["code"]) == (400, "no_execution_plan")
    assert client.get(f"{base}/execution-plan").status_code == 404
    assert client.post(f"{base}/parallel/stop").status_code == 400
    for verb in ("pause", "resume", "cancel"):
        assert client.post(f"{base}/parallel/{verb}").status_code == 404
    said = client.get(f"{base}/parallel/status").json()
    assert (said["execution_mode"], said["is_running"], said["batches_total"]) == ("sequential", False, 0)
    with server.client(Role.ADMIN, "hidden") as other:
        assert other.get(f"{base}/parallel/status").json()["code"] == "unknown_project"


def test_a_plan_is_built_looked_at_and_changed(client: httpx.Client, base: str, tmp_path: Path) -> None:
    assert client.post(f"{base}/execution-plan/build").status_code == 422
    assert client.post(f"{base}/execution-plan/build", json={}).json()["code"] == "no_tasks"
    built(client, base, tmp_path)
    plan = client.get(f"{base}/execution-plan")
    assert [one["task_ids"] for one in plan.json()["batches"]] == [["a"], ["b"]]
    summary = client.get(f"{base}/execution-plan/summary").json()
    assert (summary["total_tasks"], summary["total_batches"]) == (2, 2)
    graph = client.get(f"{base}/dependencies/batches").json()
    assert (graph["task_order"], graph["missing_deps"]) == (["a", "b"], [])
    assert graph["dependencies"]["b"] == [{"task_id": "a", "dependency_type": "hard"}]
    assert client.get(f"{base}/dependencies/critical-path").json() == {"critical_path": ["a", "b"], "length": 2}
    change = {"worktree_assignments": {"a": "tree-1"}, "batch_overrides": {"0": {"estimated_duration": 60}}}
    stale = client.patch(f"{base}/execution-plan", json=change, headers={"If-Match": '"x"'})
    assert stale.status_code == 412
    changed = client.patch(f"{base}/execution-plan", json=change, headers={"If-Match": plan.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["batches"][0]["estimated_duration"] == 60
    assert changed.json()["epics"] == [{"worktree": "tree-1", "task_ids": ["a"]}]
    assert changed.json()["metadata"]["manually_modified"] is True
    for wrong, status in (
        ({"9": {"can_parallel": True}}, 404),
        ({"0": {"task_ids": ["b"]}}, 400),
        ({"0": {"can_parallel": "perhaps"}}, 400),
        ({"0": {"unknown": 1}}, 400),
    ):
        answer = client.patch(f"{base}/execution-plan", json={"batch_overrides": wrong})
        assert answer.status_code == status, answer.text
    assert client.get(f"{base}/execution-plan").json() == changed.json(), "what was refused changed nothing"


def test_of_many_starts_at_once_one_starts(
    client: httpx.Client, server: Served, base: str, tmp_path: Path, repository: Path
) -> None:
    before = tips(repository)
    built(client, base, tmp_path)
    answers: list[httpx.Response] = []
    barrier = threading.Barrier(6)

    def start() -> None:
        with server.client() as mine:
            barrier.wait()
            answers.append(mine.post(f"{base}/parallel/start"))

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.status_code for one in answers) == [200, *[409] * 5]
    (started,) = [one.json() for one in answers if one.status_code == 200]
    assert (started["status"], started["project_id"]) == ("started", base.rsplit("/", 1)[1])
    running = wait_for(client, f"{base}/parallel/status", lambda said: said["running_agents"])
    assert (running["execution_mode"], running["is_running"]) == ("parallel_running", True)
    assert client.post(f"{base}/parallel/pause").json()["status"] == "paused"
    assert client.get(f"{base}/parallel/status").json()["execution_mode"] == "paused"
    assert client.post(f"{base}/parallel/resume").json()["status"] == "resuming"
    assert client.post(f"{base}/parallel/cancel").json()["status"] == "cancelled"
    job = over(client, {"id": started["job"]})
    assert job["state"] == "stopped"
    assert tips(repository) == before
    (tmp_path / "go").touch()
    again = client.post(f"{base}/parallel/start")
    assert again.status_code == 200
    assert over(client, {"id": again.json()["job"]})["outcome"] == "ok"
    said = client.get(f"{base}/parallel/status").json()
    assert (said["execution_mode"], said["completed_batches"]) == ("parallel_completed", 2)
    assert said["parallel_result"]["success"] is True
    listed = client.get(f"{base}/parallel/batches").json()
    assert (listed["total_batches"], {one["status"] for one in listed["batches"]}) == (2, {"completed"})
    assert client.get(f"{base}/parallel/batches/1").json()["batch"]["task_ids"] == ["a"]
    assert client.get(f"{base}/parallel/batches/3").status_code == 404
    assert tips(repository)["main"] != before["main"]
