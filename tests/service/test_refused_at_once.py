"""What can be seen to be impossible is refused by the request itself; what only a repository can say fails its job."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind, JobState
from gitalign.service.problems import problem_of_job
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import JobFilter
from tests.service.asking import done
from tests.service.people import sign_in, visiting, with_people
from tests.service.serving import Served

RUN = "20260101-000000-abcdef"
FAR, PROJECT = "/api/v1/repositories/far", "/api/projects/far"
TASKS = {"text": "target: main\ntasks:\n  - {id: a, shell: 'true'}\n"}
BATCHES = (
    ("POST", f"{FAR}/batch-plans", TASKS),
    ("POST", f"{FAR}/batches", {"plan_id": "0" * 64}),
    ("POST", f"{FAR}/batch-lists", {}),
    *(("POST", f"{FAR}/batches/{RUN}/{verb}", {}) for verb in ("resume", "retry", "land", "undo", "reports")),
    ("POST", f"{PROJECT}/execution-plan/build", TASKS),
    ("POST", f"{PROJECT}/parallel/start", {}),
    ("POST", f"{PROJECT}/parallel/resume", {}),
    *(("GET", f"{PROJECT}/worktrees{rest}", {}) for rest in ("", "/1", "/1/conflicts")),
    *(("POST", f"{PROJECT}/worktrees/1/{verb}", {}) for verb in ("create", "merge", "sync", "resolve")),
    ("DELETE", f"{PROJECT}/worktrees/1", {}),
)


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("refused")
    file = Path(shutil.copyfile(empty_database, folder / "service.db"))
    with with_people(file, batches={"allowed": True}) as running:
        running.service.repositories.add("shop", "/srv/shop", actor="test")
        running.service.repositories.add_address("far", "https://git.example.org/far", actor="test", folder=folder)
        yield running


@pytest.fixture
def lander(server: Served) -> Iterator[httpx.Client]:
    with server.client(Role.LANDER) as client:
        yield client


def jobs(server: Served) -> int:
    return len(server.service.jobs.listed(JobFilter(), limit=500))


def test_batches_of_a_repository_by_address(server: Served, lander: httpx.Client) -> None:
    before = jobs(server)
    for method, path, body in BATCHES:
        answer = lander.request(method, path, json=body or ({} if method == "POST" else None))
        problem = answer.json()
        assert (answer.status_code, problem.get("code")) == (409, "not_for_addresses"), (path, answer.text)
        assert problem["hint"] == "git align repo add NAME PATH"
    assert jobs(server) == before


def test_its_page_offers_none(server: Served) -> None:
    with visiting(server) as browser:
        assert sign_in(browser).status_code == 303
        page = browser.get("/repositories/far/batches").text
        assert ("Look for batch runs" in page, "is known by its address" in page) == (False, True)
        assert "Look for batch runs" in browser.get("/repositories/shop/batches").text
        refused = browser.post("/repositories/far/batch-lists", data={"key": "k"})
        assert (refused.status_code, "registered as a folder" in refused.text) == (409, True)


@pytest.mark.parametrize("text", ["last", RUN[:-1], RUN.upper()])
def test_what_is_no_id_of_a_run(server: Served, lander: httpx.Client, text: str) -> None:
    base, before = "/api/v1/repositories/shop", jobs(server)
    for path, body in (
        *((f"runs/{text}/{verb}", {}) for verb in ("undo", "resume", "reports", "proofs")),
        *((f"batches/{text}/{verb}", {}) for verb in ("resume", "retry", "land", "undo", "reports", "stop")),
        ("stories", {"run_id": text, "branch": "main"}),
        ("pushes", {"run_id": text}),
        ("restore", {"run_id": text, "branch": "main"}),
    ):
        answer = lander.post(f"{base}/{path}", json=body)
        assert (answer.status_code in (404, 422), answer.json()["code"] != "bug") == (True, True), (path, answer.text)
    for path in (f"runs/{text}", f"runs/{text}/certificates", f"batches/{text}"):
        assert lander.get(f"{base}/{path}").status_code in (404, 422)
    assert jobs(server) == before


@pytest.mark.parametrize("kind", [JobKind.UNDO, JobKind.RESUME, JobKind.REPORT, JobKind.VERIFY])
def test_a_run_that_is_not_there(database: ServiceDatabase, kind: JobKind) -> None:
    job, document = done(database, kind, run_id=RUN)
    problem = problem_of_job(job, instance="")
    assert (job.state, document, problem["code"], problem["status"]) == (JobState.FAILED, None, "unknown_run", 404)
    assert problem["hint"]
