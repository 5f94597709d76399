"""Jobs are carried out by workers, and what a killed, stopped or slow worker began is neither lost nor done twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.jobs import JobKind, JobState
from gitalign.core.run import RunKind, RunState
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.events import EventReader
from gitalign.store.service.held_jobs import HeldJobs
from gitalign.store.service.jobs import Jobs
from tests import warm
from tests.documents.strict import validate
from tests.service.asking import REPOSITORY, ask, done, ended, tips


def expire(database: ServiceDatabase) -> None:
    with database.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1, not_before=0))


def planned(database: ServiceDatabase) -> str:
    job, _ = done(database, JobKind.PLAN)
    assert job.plan_id is not None, job.error
    return job.plan_id


def work(database: ServiceDatabase) -> None:
    assert Workers(database, WorkSettings()).work_once()


def test_from_a_plan_to_its_undo(database: ServiceDatabase, repository: Path) -> None:
    before = tips(repository)
    plan_job, plan = done(database, JobKind.PLAN)
    assert validate(plan) == "plan"
    assert (plan_job.state, plan_job.plan_id) == (JobState.DONE, plan["id"])
    forecast_job, forecast = done(database, JobKind.FORECAST, pairs=True)
    assert (validate(forecast), forecast_job.outcome) == ("forecast", "attention")
    _, conflicts = done(database, JobKind.CONFLICTS)
    assert validate(conflicts) == "conflicts"
    assert tips(repository) == before

    run_job, report = done(database, JobKind.RUN, plan_id=plan["id"])
    assert validate(report) == "report"
    assert (run_job.state, run_job.outcome, run_job.run_id) == (JobState.DONE, "attention", report["run"]["id"])
    after = tips(repository)
    assert {name for name in before if before[name] != after[name]} == {"clean", "feature/<b>two"}
    kinds = [event.kind for event in EventReader(database).after(REPOSITORY, 0, job=run_job.id)]
    assert kinds[:2] == ["job", "job"]
    assert {"run_started", "step_finished", "run_finished"} <= set(kinds)
    assert kinds[-1] == "job", "what the engine did is written before the end of its job"

    proof_job, proofs = done(database, JobKind.VERIFY, run_id=run_job.run_id)
    assert (validate(proofs), proof_job.outcome) == ("proofs", "ok")
    _, page = done(database, JobKind.REPORT, run_id=run_job.run_id, format="html")
    assert page.startswith("<!doctype html>")

    undo_job, undone = done(database, JobKind.UNDO, run_id=run_job.run_id)
    assert (undo_job.outcome, validate(undone)) == ("ok", "report")
    assert tips(repository) == before

    again, said = done(database, JobKind.UNDO, run_id=run_job.run_id)
    assert (again.state, again.outcome, again.run_id) == (JobState.DONE, "already_undone", None)
    assert validate(said) == "report"
    assert said["notices"][-1] == f"run {run_job.run_id} is undone already, by {undo_job.run_id}: nothing was done"
    redone, _ = done(database, JobKind.UNDO, run_id=undo_job.run_id)
    assert (redone.outcome, tips(repository)) == ("ok", after)
    undone_again, _ = done(database, JobKind.UNDO, run_id=run_job.run_id)
    assert (undone_again.outcome, tips(repository)) == ("ok", before), "it stood again"


def test_what_cannot_be_done_is_an_error_with_code_and_hint(database: ServiceDatabase, repository: Path) -> None:
    job, document = done(database, JobKind.UNDO, run_id="20200101-000000-abcdef")
    assert job.state is JobState.FAILED
    assert document is None
    assert job.error is not None
    assert (job.error["code"], bool(job.error["hint"])) == ("unknown_run", True)
    job, _ = done(database, JobKind.RUN, plan_id="0" * 64)
    assert job.error is not None
    assert job.error["code"] == "plan_refused"
    job, _ = done(database, JobKind.PLAN, only=["nothing-like-this"])
    assert job.error is not None
    assert job.error["message"]


@pytest.mark.parametrize("checkpoint", ["quarantine", "journal", "refs moved", "end"])
def test_a_killed_worker_loses_nothing_and_nothing_is_done_twice(
    database: ServiceDatabase, database_file: Path, repository: Path, checkpoint: str
) -> None:
    before = tips(repository)
    plan_id = planned(database)
    job = ask(database, JobKind.RUN, plan_id=plan_id)
    killed = warm.call("tests.service.dying:main", database_file, checkpoint)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert Jobs(database).get(job.id).state is JobState.RUNNING
    expire(database)
    work(database)
    job, report = ended(database, job)
    assert (job.state, job.attempts, job.error) == (JobState.DONE, 2, None)
    after = tips(repository)
    assert {name for name in before if before[name] != after[name]} == {"clean", "feature/<b>two"}
    runs = facade.runs(facade.Request(repo=repository))
    moving = [one for one in runs if one.moved]
    assert [one.id for one in moving] == [job.run_id] == [report["run"]["id"]], "one run moved branches"
    assert {one.state for one in runs} == {RunState.FINISHED}, "nothing is left that a later resume would go on with"


@pytest.mark.parametrize("checkpoint", ["refs moved", "marked", "backups removed"])
def test_a_killed_undo_is_finished_once(
    database: ServiceDatabase, database_file: Path, repository: Path, checkpoint: str
) -> None:
    before = tips(repository)
    run_job, _ = done(database, JobKind.RUN, plan_id=planned(database))
    job = ask(database, JobKind.UNDO, run_id=run_job.run_id)
    assert warm.call("tests.service.dying:main", database_file, checkpoint).returncode == -signal.SIGKILL
    expire(database)
    work(database)
    job, report = ended(database, job)
    assert (job.state, job.error, job.outcome) == (JobState.DONE, None, "ok"), "it is this job that undid the run"
    assert (report["run"]["id"], report["notices"]) == (job.run_id, [])
    assert tips(repository) == before
    undos = [one for one in facade.runs(facade.Request(repo=repository)) if one.kind is RunKind.UNDO and one.moved]
    assert len(undos) == 1


def test_a_worker_that_was_taken_for_dead_publishes_nothing(database: ServiceDatabase, repository: Path) -> None:
    """It stands still between two effects until its lease has ended and another worker has the job."""
    before = tips(repository)
    job = ask(database, JobKind.RUN, plan_id=planned(database))
    taken: list[str] = []

    def stand_still(name: str) -> None:
        if name == "journal" and not taken:
            expire(database)
            held = HeldJobs(database, lease_s=60).claim("another")
            assert held is not None
            taken.append(held.job.id)

    Workers(database, WorkSettings(), checkpoint=stand_still).work_once()
    assert taken == [job.id]
    assert tips(repository) == before, "its next checkpoint found the job taken"
    assert Jobs(database).get(job.id).state is JobState.RUNNING
    expire(database)
    work(database)
    assert ended(database, job)[0].state is JobState.DONE
    assert tips(repository) != before


def test_a_job_waits_while_its_earlier_process_is_alive(
    database: ServiceDatabase, database_file: Path, repository: Path
) -> None:
    job = ask(database, JobKind.RUN, plan_id=planned(database))
    before = tips(repository)
    child = warm.begin("tests.service.standing:main", database_file, repository / "reached")
    try:
        deadline = time.monotonic() + 60
        while not (repository / "reached").exists():
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGSTOP)
        expire(database)
        work(database)
        assert ended(database, job)[0].state is JobState.QUEUED, "given back"
        assert tips(repository) == before
    finally:
        os.kill(child.pid, signal.SIGCONT)
        child.kill()
        child.wait()
    expire(database)
    work(database)
    assert ended(database, job)[0].state is JobState.DONE
    assert tips(repository) != before


def test_a_stop_ends_a_run_cleanly_and_it_can_go_on(database: ServiceDatabase, repository: Path) -> None:
    before = tips(repository)
    job = ask(database, JobKind.RUN, plan_id=planned(database))

    def stop(name: str) -> None:
        if name == "quarantine":
            Jobs(database).request_stop(job.id, actor="me")

    Workers(database, WorkSettings(), checkpoint=stop).work_once()
    job, _ = ended(database, job)
    assert (job.state, job.outcome) == (JobState.STOPPED, "interrupted")
    assert tips(repository) == before
    again, _ = done(database, JobKind.RESUME, run_id=job.run_id)
    assert (again.state, again.error) == (JobState.DONE, None)
    assert tips(repository) != before


def test_draining_gives_back_what_takes_too_long(database: ServiceDatabase, repository: Path) -> None:
    job = ask(database, JobKind.RUN, plan_id=planned(database))
    reached, go = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "quarantine":
            reached.set()
            assert go.wait(30)

    workers = Workers(database, WorkSettings(drain_s=0.0), checkpoint=wait)
    workers.start()
    assert reached.wait(30)
    drainer = threading.Thread(target=workers.drain)
    drainer.start()
    while not all(hold.stop.stop_requested for hold in tuple(workers._holds)):
        time.sleep(0.01)
    go.set()
    drainer.join(30)
    assert ended(database, job)[0].state is JobState.QUEUED
    work(database)
    assert ended(database, job)[0].state is JobState.DONE


def test_a_job_that_kills_its_workers_is_given_up(database: ServiceDatabase) -> None:
    job = ask(database, JobKind.PLAN)
    held = HeldJobs(database, lease_s=60)
    for _ in range(5):
        assert held.claim("dies") is not None
        expire(database)
    work(database)
    job, _ = ended(database, job)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
