"""A full disk, a clock that is an hour off, a database that goes away, clients that are slow or break off."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gitalign.core.jobs import JobKind, JobState
from gitalign.engine.runtime import surroundings
from gitalign.errors import StoreError
from gitalign.service.application import create_app
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.held_jobs import HeldJobs
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.repositories import Repositories
from tests import needs
from tests.service.asking import REPOSITORY, ask, done, ended, tips
from tests.service.mirroring import Mirrored
from tests.service.serving import served
from tests.store.server import restartable


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_an_hour_off_takes_no_job_from_another(
    database: ServiceDatabase, repository: Path, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    """Leases are judged by the database's clock alone."""
    job = ask(database, JobKind.PLAN)
    held = HeldJobs(database, lease_s=60).claim("right")
    assert held is not None
    monkeypatch.setattr(surroundings, "utc_now", lambda: datetime.now(UTC) + off)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + off.total_seconds())
    assert not Workers(database, WorkSettings()).work_once()
    HeldJobs(database, lease_s=60).finish(held, JobState.FAILED, outcome="x")
    planned, _ = done(database, JobKind.PLAN)
    run, _ = done(database, JobKind.RUN, plan_id=planned.plan_id)
    assert (run.state, run.error) == (JobState.DONE, None)
    assert ended(database, job)[0].outcome == "x"
    with database.reading() as connection:
        row = connection.execute(schema.jobs.select().where(schema.jobs.c.id == run.id)).one()
    assert abs(row.finished_at / 1000 - real()) < 600, "times in the database are the database's"


def test_a_mirror_on_a_full_disk_is_an_error_and_fetched_when_there_is_room(world: Mirrored, tmp_path: Path) -> None:
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=600k", "tmpfs") as small:
        world.folder = small / "mirrors"
        world.add()
        filler = small / "filler"
        filler.write_bytes(b"x" * 500_000)
        job, _ = world.done(JobKind.FETCH)
        assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "disk"), job.error
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        job, _ = world.done(JobKind.FETCH)
        assert (job.state, job.error) == (JobState.DONE, None)


def test_a_disk_that_is_full_in_the_middle_of_a_fetch_leaves_the_mirror_as_it_was(
    world: Mirrored, tmp_path: Path
) -> None:
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=12m", "tmpfs") as small:
        world.folder = small / "mirrors"
        world.add()
        assert world.done(JobKind.FETCH)[0].state is JobState.DONE
        there, remote = world.there(), world.server.root / "remote.git"
        before = _refs(world.place)
        _commit_at_random(remote, 14_000_000)
        for kind in (JobKind.FETCH, JobKind.PLAN):
            job, _ = world.done(kind)
            assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "disk"), job.error
        assert _refs(world.place) == before
        assert list(world.place.glob("objects/*/tmp_*")) == []
        subprocess.run(["git", "fsck", "--no-dangling"], cwd=world.place, capture_output=True, check=True)
        killed = world.place / "objects" / "pack" / "tmp_pack_killed"
        killed.write_bytes(b"half")
        os.utime(killed, (1, 1))
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        job, _ = world.done(JobKind.PLAN)
        assert (job.state, job.error) == (JobState.DONE, None)
        assert not killed.exists()
        assert set(world.there().values()) - set(there.values()) <= set(_refs(world.place).values())


def _refs(place: Path) -> dict[str, str]:
    words = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
    said = subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in said.splitlines())


def _commit_at_random(remote: Path, size: int) -> None:
    """A commit on main with so many bytes that cannot be compressed."""
    data = b"data %d\n" % size + random.Random(size).randbytes(size) + b"\n"
    head = b"commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 4\nbig\n\nfrom refs/heads/main^0\n"
    words = ["git", "fast-import", "--quiet"]
    subprocess.run(words, input=head + b"M 644 inline big\n" + data, cwd=remote, check=True)


def test_a_database_on_a_full_disk_loses_no_job(database_file: Path, repository: Path, tmp_path: Path) -> None:
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=2m", "tmpfs") as small:
        file = Path(shutil.copyfile(database_file, small / "service.db"))
        before = tips(repository)
        with closing(open_service_database(file=file)) as database:
            job = ask(database, JobKind.PLAN)
            filler = small / "filler"
            with filler.open("wb", buffering=0) as stream, suppress(OSError):
                while stream.write(b"x" * 4_096):
                    pass
            with pytest.raises(StoreError):
                _ask_for_much(database)
            filler.unlink()
            assert Workers(database, WorkSettings()).work_once()
            assert ended(database, job)[0].state is JobState.DONE
            assert tips(repository) == before


def test_a_worker_outlives_a_database_that_is_started_again(repository: Path) -> None:
    with restartable() as server, closing(open_service_database(url=server.url)) as database:
        Repositories(database).add(REPOSITORY, str(repository), actor="me")
        planned, _ = done(database, JobKind.PLAN)
        reached, go = threading.Event(), threading.Event()

        def wait(name: str) -> None:
            if name == "quarantine":
                reached.set()
                assert go.wait(60)

        job = ask(database, JobKind.RUN, plan_id=planned.plan_id)
        workers = Workers(database, WorkSettings(poll_s=0.1, lease_s=60), checkpoint=wait)
        workers.start()
        assert reached.wait(60)
        server.kill()
        server.start()
        go.set()
        deadline = time.monotonic() + 60
        while not _is_over(database, job.id):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers.drain()
        job, _ = ended(database, job)
        assert (job.state, job.error) == (JobState.DONE, None)


def _is_over(database: ServiceDatabase, job_id: str) -> bool:
    try:
        return Jobs(database).get(job_id).state.is_over
    except StoreError:
        return False


def test_clients_that_are_slow_or_break_off_keep_no_other_waiting(database_file: Path) -> None:
    settings = {"database": {"file": database_file}, "work": {"workers": 0}, "limits": {"streams": 5}}
    with served(create_app(settings)) as server, server.client() as client:
        host, port = server.address.removeprefix("http://").split(":")
        token = client.headers["Authorization"]
        opened = []
        for text in (
            b"GET /health HTTP/1.1\r\nHost: 127",  # never ends its head
            b"POST /api/v1/repositories HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\nAuthorization: "
            + token.encode()
            + b"\r\n\r\n{",  # never ends its body
            b"\x16\x03\x01\x02\x00garbage",  # TLS where there is none
            b"GET / HTTP/9.9\r\n\r\n",
        ):
            one = socket.create_connection((host, int(port)), timeout=10)
            one.sendall(text)
            opened.append(one)
        for _ in range(20):  # streams that are opened and left
            with client.stream("GET", f"/api/v1/repositories/{REPOSITORY}/events") as stream:
                assert stream.status_code in (200, 503)
        started = time.monotonic()
        assert client.get("/health").status_code == 200
        assert client.get("/api/v1/repositories").status_code == 200
        assert time.monotonic() - started < 10
        deadline = time.monotonic() + 30
        while True:  # the places of those that left are free again
            with client.stream("GET", f"/api/v1/repositories/{REPOSITORY}/events") as stream:
                if stream.status_code == 200:
                    break
            assert time.monotonic() < deadline
        for one in opened:
            one.close()
        with pytest.raises(httpx.HTTPError):
            client.post("/api/v1/repositories", content=_breaks_off())
        assert client.get("/health").status_code == 200


def _ask_for_much(database: ServiceDatabase) -> None:
    for _ in range(40):
        ask(database, JobKind.PLAN, only=["x" * 4_000])


def _breaks_off() -> Iterator[bytes]:
    yield b"{"
    raise httpx.WriteError("the client goes away")
