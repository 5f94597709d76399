"""Repositories by address: cloned, fetched, run on and pushed to with a password that is seen nowhere."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitalign.core.jobs import JobKind, JobState
from gitalign.service.credentials import BASIC, Credential
from gitalign.service.problems import problem_of_job
from gitalign.service.working.worker import Workers
from gitalign.store.service import schema
from gitalign.store.service.events import EventReader
from gitalign.store.service.jobs import Jobs
from tests.service.asking import REPOSITORY, ask, ended
from tests.service.git_server import PASSWORD, git_server
from tests.service.mirroring import Mirrored


def bytes_of(*places: Path) -> bytes:
    files = [one for place in places for one in ([place] if place.is_file() else place.rglob("*"))]
    return b"\n".join(file.read_bytes() for file in files if file.is_file())


def code(world: Mirrored, kind: JobKind = JobKind.FETCH) -> str:
    job, _ = world.done(kind)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["hint"]
    assert PASSWORD not in str(job.error)
    return str(job.error["code"])


def test_from_an_address_to_a_pushed_run_and_its_undo(world: Mirrored) -> None:
    world.add()
    world.server.looks = True
    before = world.branches()
    fetched, status = world.done(JobKind.FETCH)
    assert (fetched.state, fetched.error) == (JobState.DONE, None)
    assert status["to_align"] == 3
    plan_job, plan = world.done(JobKind.PLAN)
    assert plan_job.error is None
    forecast_job, _ = world.done(JobKind.FORECAST)
    assert forecast_job.outcome == "attention"
    assert world.branches() == before

    run_job, report = world.done(JobKind.RUN, plan_id=plan["id"])
    assert (run_job.state, run_job.outcome) == (JobState.DONE, "attention"), run_job.error
    after = world.branches()
    assert {name for name in before if before[name] != after[name]} == {"clean", "feature/<b>two"}
    heads = subprocess.run(["git", "for-each-ref", "refs/heads"], cwd=world.place, capture_output=True, check=True)
    assert heads.stdout == b"", "no branch is made that a fetch would not know"
    assert world.done(JobKind.FETCH)[0].state is JobState.DONE
    assert world.branches() == after, "a fetch takes nothing back"

    undo_job, _ = world.done(JobKind.UNDO, run_id=report["run"]["id"])
    assert (undo_job.state, undo_job.outcome) == (JobState.DONE, "ok"), undo_job.error
    assert world.branches() == before
    again, said = world.done(JobKind.UNDO, run_id=report["run"]["id"])
    assert (again.outcome, world.branches()) == ("already_undone", before), again.error
    assert said["notices"][-1].endswith(f"is undone already, by {undo_job.run_id}: nothing was done")

    assert world.server.seen
    assert world.server.spotted == [], "in no argument list and no environment"
    kept = bytes_of(world.folder, world.folder.parent / "service.db", world.folder.parent / "service.db-wal")
    for secret in (PASSWORD, "w%C3%B6rd"):
        assert secret.encode() not in kept
    events = EventReader(world.database).after(REPOSITORY, 0, limit=5_000)
    assert PASSWORD not in "".join(event.document for event in events)


def test_a_teammates_push_after_the_plan_is_never_overwritten(world: Mirrored) -> None:
    world.add()
    _, plan = world.done(JobKind.PLAN)
    bare = world.server.root / "remote.git"
    git = ["git", "-C", str(bare), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    made = subprocess.run([*git, "commit-tree", "-p", "clean", "-m", "theirs", "clean^{tree}"], capture_output=True, text=True, check=True)  # fmt: skip
    subprocess.run([*git, "update-ref", "refs/heads/clean", made.stdout.strip()], check=True)
    run_job, _ = world.done(JobKind.RUN, plan_id=plan["id"])
    assert run_job.outcome == "attention"
    assert world.branches()["clean"] == made.stdout.strip()


def test_what_is_deleted_on_the_remote_goes_here_too(world: Mirrored) -> None:
    world.add()
    assert world.done(JobKind.FETCH)[0].error is None
    bare = world.server.root / "remote.git"
    subprocess.run(["git", "-C", str(bare), "update-ref", "-d", "refs/heads/clean"], check=True)
    _, status = world.done(JobKind.FETCH)
    assert status["to_align"] == 2
    _, forecast = world.done(JobKind.FORECAST)
    assert "clean" not in {one["branch"] for one in forecast["branches"]}


def test_a_wrong_password_that_the_server_says_back_is_not_seen(world: Mirrored) -> None:
    world.server.echoes = True
    world.add(credential=Credential(kind=BASIC, username="robot", secret="wrong:" + PASSWORD))
    job, _ = world.done(JobKind.FETCH)
    assert job.error is not None
    assert "you said robot:***" in job.error["message"]
    assert "wrong:" not in str(job.error)


def test_no_password_is_asked_for(world: Mirrored) -> None:
    world.add()
    with world.database.writing() as connection:
        connection.execute(schema.credentials.delete())
    started = time.monotonic()
    assert code(world) == "remote"
    assert time.monotonic() - started < 20, "it waits for no person"


def test_a_redirection_is_not_followed(world: Mirrored, bare: Path, tmp_path: Path) -> None:
    shutil.copytree(bare, tmp_path / "other" / "remote.git")
    with git_server(tmp_path / "other") as other:
        world.server.redirect = f"http://127.0.0.1:{other.port}"
        world.add()
        assert code(world) == "remote"
        assert other.seen == []
        assert not other.asked.is_set()


@pytest.mark.parametrize(
    "change",
    [{"allows_private": False}, {"hosts": ("git.example.org",)}, {"hosts": ()}, {"schemes": ("https",)}],
    ids=["private", "other host", "no host", "scheme"],
)
def test_settings_of_today_decide_for_every_job(world: Mirrored, change: dict[str, object]) -> None:
    world.add()
    world.rules = replace(world.rules, **change)  # type: ignore[arg-type]
    assert code(world) == "address_not_allowed"
    assert not world.server.asked.is_set()


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch HERE'", "file:///srv/served/remote.git", "http://-oProxyCommand=x/a"]
)
def test_an_address_that_was_written_into_the_database_is_refused(world: Mirrored, url: str) -> None:
    world.add()
    with world.database.writing() as connection:
        connection.execute(schema.repositories.update().values(url=url))
    assert code(world) == "bad_address"
    assert not world.place.exists()


def test_a_credential_opens_for_its_own_repository_alone(world: Mirrored) -> None:
    world.add()
    world.add("other")
    with world.database.writing() as connection:
        table = schema.credentials
        one, other = connection.execute(table.select().order_by(table.c.repository))
        connection.execute(table.update().where(table.c.repository == one.repository).values(sealed=other.sealed))
    assert code(world) == "credential_unreadable"
    assert not world.server.asked.is_set()


@pytest.mark.parametrize("kind", [JobKind.BATCH_LIST, JobKind.BATCH_UNDO, JobKind.WORK_TREE_CHANGE])
def test_a_job_that_needs_a_folder_fails_before_anything_is_fetched(world: Mirrored, kind: JobKind) -> None:
    """Requests refuse it; a job may be there from before."""
    world.add()
    job, _ = world.done(kind, run_id="20260101-000000-abcdef", action="list")
    problem = problem_of_job(job, instance="")
    assert (job.state, problem["code"], problem["status"]) == (JobState.FAILED, "not_for_addresses", 409)
    assert not world.server.asked.is_set()


def test_a_repository_that_is_too_large_is_refused(world: Mirrored) -> None:
    world.add()
    world.most_bytes = 1
    assert code(world) == "too_large"


def test_a_remote_that_does_not_answer_is_given_up(world: Mirrored) -> None:
    world.add()
    world.server.hangs.set()
    job = ask(world.database, JobKind.FETCH)
    settings = world.settings(job_s=1.0)
    started = time.monotonic()
    assert Workers(world.database, settings).work_once()
    job, _ = ended(world.database, job)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "job_timed_out")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("kind", [JobKind.FETCH, JobKind.PLAN])
def test_a_stop_ends_a_job_that_waits_for_a_remote(world: Mirrored, kind: JobKind) -> None:
    world.add()
    world.server.hangs.set()
    job = ask(world.database, kind)
    working = threading.Thread(target=Workers(world.database, world.settings(lease_s=1.5)).work_once)
    working.start()
    assert world.server.asked.wait(30)
    Jobs(world.database).request_stop(job.id, actor="me")
    working.join(30)
    assert not working.is_alive()
    assert ended(world.database, job)[0].state is JobState.STOPPED


def test_draining_gives_a_job_back_that_waits_for_a_remote(world: Mirrored) -> None:
    world.add()
    world.server.hangs.set()
    job = ask(world.database, JobKind.FETCH)
    workers = Workers(world.database, world.settings(drain_s=0.0))
    workers.start()
    assert world.server.asked.wait(30)
    workers.drain()
    assert ended(world.database, job)[0].state is JobState.QUEUED
    world.server.hangs.clear()
    assert Workers(world.database, world.settings()).work_once()
    assert ended(world.database, job)[0].state is JobState.DONE


def test_one_job_fetches_at_a_time(world: Mirrored) -> None:
    world.add()
    world.server.hangs.set()
    first = ask(world.database, JobKind.PLAN)
    working = threading.Thread(target=Workers(world.database, world.settings()).work_once)
    working.start()
    assert world.server.asked.wait(30)
    second = ask(world.database, JobKind.PLAN)
    assert Workers(world.database, world.settings()).work_once()
    assert ended(world.database, second)[0].state is JobState.QUEUED, "it waits"
    world.server.hangs.clear()
    working.join(30)
    assert ended(world.database, first)[0].state is JobState.DONE
