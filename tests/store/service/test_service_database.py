"""The database of the service keeps its promises in SQLite and in PostgreSQL."""

from __future__ import annotations

import re
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from gitalign.core.health import Health
from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.errors import Contradiction, NoResources, NotFound, RunTakenOver, StoreError
from gitalign.store.postgres import Postgres
from gitalign.store.service import schema
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.database import ServiceDatabase, open_service_database, opened
from gitalign.store.service.events import EventReader
from gitalign.store.service.health import HealthRecords
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import JobDocument, JobFilter, Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.retention import forget_old_jobs

LEASE_S = 30.0


@pytest.fixture
def jobs(database: ServiceDatabase) -> Jobs:
    for name in ("shop", "lab"):
        Repositories(database).add(name, f"/srv/{name}", actor="me")
    return Jobs(database)


def asked(jobs: Jobs, kind: JobKind = JobKind.RUN, repository: str = "shop", **more: Any) -> str:
    asked.number += 1  # type: ignore[attr-defined]
    new = NewJob(repository=repository, kind=kind, created_by="ada", **more)
    return jobs.add(new, job_id=f"{asked.number:032x}", most_open=100)[0].id  # type: ignore[attr-defined]


asked.number = 0  # type: ignore[attr-defined]


def expire(database: ServiceDatabase) -> None:
    """End every lease, as time would."""
    with database.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1))


def claimed(held: HeldJobs, worker: str = "one") -> HeldJob:
    job = held.claim(worker)
    assert job is not None
    return job


class TestTables:
    def test_the_migrations_make_the_tables_that_the_code_knows(self, database: ServiceDatabase) -> None:
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
            ours = [
                change
                for change in compare_metadata(context, schema.metadata)
                if not (isinstance(change, tuple) and str(change[0]).startswith("remove"))
            ]
            assert ours == []
            named = connection.execute(
                text(
                    "SELECT name FROM sqlite_master WHERE name LIKE 'service_jobs_%'"
                    if connection.dialect.name == "sqlite"
                    else "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'service_jobs_%'"
                )
            ).scalars()
            assert {"service_jobs_exclusive", "service_jobs_open"} <= set(named)

    def test_opened_again_nothing_changes(self, tmp_path: Path) -> None:
        file = tmp_path / "service.db"
        for _ in range(2):
            open_service_database(file=file).close()
        assert file.stat().st_mode & 0o077 == 0, "it holds sessions"

    def test_a_newer_database_is_refused(self, tmp_path: Path) -> None:
        with (
            closing(open_service_database(file=tmp_path / "service.db")) as database,
            database.writing() as connection,
        ):
            connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = 's9999'"))
        with pytest.raises(StoreError, match="newer git-align"):
            open_service_database(file=tmp_path / "service.db")

    def test_the_clock_is_the_databases(self, jobs: Jobs) -> None:
        job = jobs.get(asked(jobs))
        assert abs(job.created_at - datetime.now(UTC)) < timedelta(seconds=60)


class TestClaims:
    def test_the_oldest_job_is_claimed_first_and_tokens_rise(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        first, second = asked(jobs, JobKind.PLAN), asked(jobs, JobKind.PLAN)
        one, two = claimed(held), claimed(held, "two")
        assert (one.job.id, two.job.id) == (first, second)
        assert held.claim("three") is None
        assert (one.job.state, one.job.token, one.job.attempts, one.path) == (JobState.RUNNING, 1, 1, "/srv/shop")
        expire(database)
        again = claimed(held, "three")
        assert (again.job.id, again.job.token, again.job.attempts) == (first, 2, 2)

    def test_one_job_alone_moves_branches_of_a_repository(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        run, undo, plan = asked(jobs, JobKind.RUN), asked(jobs, JobKind.UNDO), asked(jobs, JobKind.PLAN)
        elsewhere = asked(jobs, JobKind.RUN, repository="lab")
        first = claimed(held)
        assert [first.job.id, claimed(held).job.id, claimed(held).job.id] == [run, plan, elsewhere]
        assert held.claim("one") is None
        held.finish(first, JobState.DONE, outcome="ok")
        assert claimed(held).job.id == undo

    def test_the_database_refuses_a_second_one_whatever_a_query_saw(
        self, jobs: Jobs, database: ServiceDatabase
    ) -> None:
        asked(jobs), asked(jobs)
        with pytest.raises(StoreError), database.writing() as connection:
            connection.execute(schema.jobs.update().values(state="running"))

    def test_many_workers_at_once_claim_each_job_once(self, jobs: Jobs, database: ServiceDatabase) -> None:
        names = [asked(jobs, JobKind.PLAN if number % 2 else JobKind.RUN) for number in range(12)]
        held, lock = HeldJobs(database, lease_s=LEASE_S), threading.Lock()
        taken: list[str] = []
        moving: set[str] = set()
        overlaps: list[str] = []

        def work(name: str) -> None:
            while (job := held.claim(name)) is not None or len(taken) < len(names):
                if job is None:
                    continue
                with lock:
                    if job.job.kind.is_exclusive:
                        overlaps.extend(moving)
                        moving.add(job.job.id)
                    taken.append(job.job.id)
                with lock:
                    moving.discard(job.job.id)
                held.finish(job, JobState.DONE, outcome="ok")

        workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=60)
        assert sorted(taken) == sorted(names)
        assert overlaps == []

    def test_a_job_that_was_taken_over_is_not_written_about(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        name = asked(jobs)
        stale = claimed(held)
        expire(database)
        fresh = claimed(held, "two")
        for late in (
            lambda: held.renew(stale, events=[("run", "{}")]),
            lambda: held.finish(stale, JobState.DONE, outcome="ok"),
            lambda: held.release(stale, delay_s=0),
        ):
            with pytest.raises(RunTakenOver):
                late()
        assert not held.renew(fresh, run_id="20260101-000000-abcdef").stop_requested
        held.finish(fresh, JobState.DONE, outcome="ok", document=JobDocument(media_type="a/b", body="{}"))
        job = jobs.get(name)
        assert (job.state, job.outcome, job.run_id) == (JobState.DONE, "ok", "20260101-000000-abcdef")
        with pytest.raises(RunTakenOver):
            held.renew(fresh)

    def test_a_renewed_lease_does_not_end(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        asked(jobs)
        mine = claimed(held)
        expire(database)
        held.renew(mine)
        assert held.claim("two") is None

    def test_a_job_that_is_given_back_waits_and_is_known_to_have_begun(
        self, jobs: Jobs, database: ServiceDatabase
    ) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        asked(jobs)
        held.release(claimed(held), delay_s=3_600)
        assert held.claim("two") is None
        with database.writing() as connection:
            connection.execute(schema.jobs.update().values(not_before=0))
        again = claimed(held, "two")
        assert again.job.attempts == 2
        held.release(again, delay_s=0)
        assert claimed(held).job.attempts == 2, "giving back does not count as an attempt"

    def test_stopping(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        running, waiting = asked(jobs), asked(jobs)
        mine = claimed(held)
        assert jobs.request_stop(waiting, actor="me").state is JobState.STOPPED
        assert jobs.request_stop(running, actor="me").state is JobState.RUNNING
        assert held.renew(mine).stop_requested
        held.finish(mine, JobState.STOPPED, outcome="interrupted")
        assert held.claim("two") is None
        assert jobs.request_stop(running, actor="me").state is JobState.STOPPED
        with pytest.raises(NotFound):
            jobs.request_stop("0" * 31 + "x", actor="me")

    def test_a_job_that_was_given_back_is_stopped_by_the_next_worker(
        self, jobs: Jobs, database: ServiceDatabase
    ) -> None:
        """Only a worker can look for what the earlier attempt began; it does so at once."""
        held = HeldJobs(database, lease_s=LEASE_S)
        given_back = asked(jobs)
        held.release(claimed(held), delay_s=3_600)
        assert jobs.request_stop(given_back, actor="me").state is JobState.QUEUED
        again = claimed(held, "two")
        assert (again.job.id, again.job.stop_requested, again.job.attempts) == (given_back, True, 2)
        held.finish(again, JobState.STOPPED, outcome="interrupted")
        assert held.claim("two") is None


class TestRequests:
    def test_the_same_key_names_the_same_job(self, jobs: Jobs) -> None:
        new = NewJob(repository="shop", kind=JobKind.PLAN, created_by="ada", idempotency_key="k", digest="a" * 64)
        first, is_new = jobs.add(new, job_id="a" * 32, most_open=1)
        again, is_new_again = jobs.add(new, job_id="b" * 32, most_open=1)
        assert (first.id, is_new, again.id, is_new_again) == ("a" * 32, True, "a" * 32, False)
        with pytest.raises(Contradiction):
            jobs.add(replace(new, digest="b" * 64), job_id="c" * 32, most_open=9)
        with pytest.raises(Contradiction):
            jobs.add(replace(new, digest="b" * 64, repository="lab"), job_id="c" * 32, most_open=9)
        _, is_new = jobs.add(replace(new, created_by="bo"), job_id="d" * 32, most_open=9)
        assert is_new

    def test_too_many(self, jobs: Jobs) -> None:
        new = NewJob(repository="shop", kind=JobKind.PLAN, created_by="ada")
        jobs.add(new, job_id="a" * 32, most_open=1)
        with pytest.raises(NoResources, match="wait already"):
            jobs.add(new, job_id="b" * 32, most_open=1)
        with pytest.raises(NotFound):
            jobs.add(replace(new, repository="none"), job_id="b" * 32, most_open=9)

    def test_pages_and_what_is_newest(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        names = [asked(jobs, JobKind.PLAN) for _ in range(5)]
        one = claimed(held)
        held.renew(one, plan_id="f" * 64)
        held.finish(one, JobState.DONE, outcome="ok", document=JobDocument(media_type="text/plain", body="é\udce9"))
        page = jobs.listed(JobFilter(), limit=2)
        assert [job.id for job, _ in page] == names[:2:-1]
        rest = jobs.listed(JobFilter(), before=page[-1][1], limit=9)
        assert [job.id for job, _ in rest] == names[2::-1]
        assert jobs.listed(JobFilter(repositories=[]), limit=9) == ()
        assert len(jobs.listed(JobFilter(states=[JobState.QUEUED], kinds=[JobKind.PLAN]), limit=9)) == 4
        newest, planned = jobs.newest("shop", [JobKind.PLAN]), jobs.of_plan("shop", "f" * 64)
        assert newest is not None
        assert planned is not None
        assert newest.id == planned.id == names[0]
        assert jobs.of_plan("lab", "f" * 64) is None
        assert jobs.document(names[0]) == JobDocument(media_type="text/plain", body="é\udce9")
        assert jobs.document(names[1]) is None

    def test_repositories(self, jobs: Jobs, database: ServiceDatabase) -> None:
        repositories = Repositories(database)
        assert [one.name for one in repositories.all()] == ["lab", "shop"]
        with pytest.raises(Contradiction):
            repositories.add("lab", "/elsewhere", actor="me")
        held = HeldJobs(database, lease_s=LEASE_S)
        name = asked(jobs)
        mine = claimed(held)
        with pytest.raises(Contradiction):
            repositories.remove("shop", actor="me")
        held.finish(mine, JobState.DONE, outcome="ok")
        repositories.remove("shop", actor="me")
        for gone in (
            lambda: repositories.get("shop"),
            lambda: repositories.remove("shop", actor="me"),
            lambda: jobs.get(name),
        ):
            with pytest.raises(NotFound):
                gone()

    def test_a_repository_and_a_person_have_their_bounds(self, database: ServiceDatabase, jobs: Jobs) -> None:
        for repository in ("shop", "shop", "shop", "lab"):
            asked(jobs, JobKind.PLAN, repository)
        held = HeldJobs(database, lease_s=LEASE_S, most_running=2)
        mine = [claimed(held), claimed(held), claimed(held)]
        assert [one.job.repository for one in mine] == ["shop", "shop", "lab"], "others have their turn"
        assert held.claim("one") is None
        held.finish(mine[0], JobState.DONE, outcome="ok")
        assert claimed(held).job.repository == "shop"
        new = NewJob(repository="lab", kind=JobKind.PLAN, created_by="ada")
        with pytest.raises(NoResources, match="ada"):
            jobs.add(new, job_id="f" * 32, most_open=100, most_of_user=3)
        jobs.add(replace(new, created_by="bo"), job_id="f" * 32, most_open=100, most_of_user=3)

    def test_the_name_of_a_removed_repository_is_not_its_identity(self, database: ServiceDatabase, jobs: Jobs) -> None:
        repositories = Repositories(database)
        before = repositories.get("shop")
        repositories.remove("shop", actor="me")
        after = repositories.add_address("shop", "https://example.org/shop.git", folder=Path("/srv"), actor="me")
        assert repositories.get("shop") == after
        assert (after.id != before.id, after.path) == (True, f"/srv/{after.id}.git")


class TestMany:
    def test_old_jobs_are_forgotten_with_what_they_left(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held = HeldJobs(database, lease_s=LEASE_S)
        old, new, waiting = asked(jobs), asked(jobs), asked(jobs)
        for _ in range(2):
            document = JobDocument(media_type="text/plain", body="x")
            held.finish(claimed(held), JobState.DONE, outcome="ok", document=document)
        with database.writing() as connection:
            connection.execute(schema.jobs.update().where(schema.jobs.c.id == old).values(finished_at=1))
        assert forget_old_jobs(database, keep_days=90) == 1
        assert forget_old_jobs(database, keep_days=90) == 0
        assert {job.id for job, _ in jobs.listed(JobFilter(), limit=9)} == {new, waiting}
        assert jobs.document(old) is None
        assert jobs.document(new) is not None
        assert {one.job for one in EventReader(database).after("shop", 0)} == {new, waiting}
        assert AuditTrail(database).verify().fault == "", "who asked for it stays known"

    def test_numbers_of_a_repository_stay_when_jobs_are_forgotten(self, jobs: Jobs, database: ServiceDatabase) -> None:
        held, records = HeldJobs(database, lease_s=LEASE_S), HealthRecords(database)
        for conflicts in (3, 2, 1):
            asked(jobs)
            health = Health(branches=9, conflicts=conflicts, behind=4)
            held.finish(claimed(held), JobState.DONE, outcome="ok", health=health)
        assert [one.health.conflicts for one in records.of_days("shop", 14)] == [3, 2, 1]
        assert records.of_days("lab", 14) == ()
        ages_ms = {3: 401 * 86_400_000, 2: 20 * 86_400_000}
        with database.writing() as connection:
            table = schema.health
            for conflicts, age in ages_ms.items():
                connection.execute(table.update().where(table.c.conflicts == conflicts).values(at=table.c.at - age))
            connection.execute(schema.jobs.update().values(finished_at=1))
        forget_old_jobs(database, keep_days=90)
        assert [one.health.conflicts for one in records.of_days("shop", 14)] == [2, 1], "what held before, too"
        asked(jobs)
        held.finish(claimed(held), JobState.DONE, outcome="ok", health=Health(branches=1, conflicts=0, behind=0))
        assert len(records.of_days("shop", 14)) == 3, "whatever numbers jobs have now"
        Repositories(database).remove("shop", actor="me")
        with database.reading() as connection:
            assert connection.execute(schema.health.select()).all() == []

    def test_nothing_reads_all_jobs(self, jobs: Jobs, database: ServiceDatabase) -> None:
        """The plans of the databases themselves say so."""
        name = asked(jobs)
        held = HeldJobs(database, lease_s=LEASE_S)
        statements: list[tuple[str, Any]] = []

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            if statement.split()[0] in ("SELECT", "UPDATE"):
                statements.append((statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        try:
            claimed(held)
            jobs.get(name)
            jobs.newest("shop", [JobKind.PLAN])
            jobs.of_plan("shop", "f" * 64)
            jobs.of_run("shop", "r")
            jobs.listed(JobFilter(repositories=["shop"]), limit=50)
            jobs.listed(JobFilter(states=[JobState.QUEUED, JobState.RUNNING]), limit=50)
            jobs.document(name)
            EventReader(database).after("shop", 1)
            EventReader(database).after("shop", 1, job=name)
            EventReader(database).newest_of("shop", name, limit=3)
            asked(jobs)
            jobs.request_stop(name, actor="me")
            forget_old_jobs(database, keep_days=90)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        large = "service_(jobs|events|documents)|candidate|other"
        with database.reading() as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            if not is_sqlite:
                connection.exec_driver_sql("SET enable_seqscan = off")
            for statement, parameters in statements:
                ask = f"EXPLAIN QUERY PLAN {statement}" if is_sqlite else f"EXPLAIN {statement}"
                plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(ask, parameters))
                wanted = rf"SCAN ({large})(?! USING)" if is_sqlite else rf"Seq Scan on ({large})"
                assert not re.search(wanted, plan), (statement, plan)


class TestEvents:
    def test_they_are_numbered_without_gaps_and_read_behind_a_number(
        self, jobs: Jobs, database: ServiceDatabase
    ) -> None:
        held, reader = HeldJobs(database, lease_s=LEASE_S), EventReader(database)
        first, other = asked(jobs), asked(jobs, JobKind.PLAN, repository="lab")
        mine = claimed(held)
        held.renew(mine, events=[("step_finished", f'{{"n": {number}}}') for number in range(3)])
        held.finish(mine, JobState.DONE, outcome="ok")
        events = reader.after("shop", 0)
        assert [one.seq for one in events] == [1, 2, 3, 4, 5, 6]
        assert [one.kind for one in events] == ["job", "job", *["step_finished"] * 3, "job"]
        assert {one.job for one in events} == {first}
        assert reader.after("shop", 4) == events[4:]
        assert reader.after("shop", 0, limit=2) == events[:2]
        assert reader.after("lab", 0, job=first) == ()
        assert [one.job for one in reader.after("lab", 0, job=other)] == [other]
        assert reader.last() == {"shop": 6, "lab": 1}

    def test_a_reader_misses_nothing_while_others_write(self, jobs: Jobs, database: ServiceDatabase) -> None:
        """What is numbered higher is never seen before what is numbered lower."""
        held, reader = HeldJobs(database, lease_s=LEASE_S), EventReader(database)
        for _ in range(3):
            asked(jobs, JobKind.PLAN)
        mine = [claimed(held) for _ in range(3)]
        before = reader.last()["shop"]

        def write(job: HeldJob) -> None:
            for number in range(10):
                held.renew(job, events=[("step_started", f'"{number}"')] * 2)

        writers = [threading.Thread(target=write, args=(job,)) for job in mine]
        for writer in writers:
            writer.start()
        seen: list[int] = []
        deadline = time.monotonic() + 60
        while len(seen) < 60 and time.monotonic() < deadline:
            seen += [one.seq for one in reader.after("shop", seen[-1] if seen else before, limit=7)]
        for writer in writers:
            writer.join()
        assert seen == list(range(before + 1, before + 61))


class TestAuditTrail:
    def trail(self, database: ServiceDatabase) -> AuditTrail:
        trail = AuditTrail(database)
        for number in range(4):
            trail.add(actor="ada", action="job.create", subject=f"job {number} é", detail={"n": number})
        return trail

    def test_a_sound_trail(self, database: ServiceDatabase) -> None:
        assert AuditTrail(database).verify().fault == ""
        trail = self.trail(database)
        check = trail.verify()
        assert (check.entries, check.fault) == (4, "")
        trail.add(actor="ada", action="x", subject="y")
        assert trail.verify(head=check.head).fault == ""
        assert [one.number for one in trail.newest(2)] == [5, 4]

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ("UPDATE service_audit SET actor = 'bo' WHERE number = 2", "entry 2 was changed"),
            ("UPDATE service_audit SET detail = '{}' WHERE number = 3", "entry 3 was changed"),
            ("DELETE FROM service_audit WHERE number = 2", "entry 2 is missing"),
            ("DELETE FROM service_audit WHERE number = 4", "entry 4 is missing"),
            ("UPDATE service_heads SET number = 3", "recorded end"),
        ],
    )
    def test_what_was_changed_or_removed_is_found(self, database: ServiceDatabase, change: str, fault: str) -> None:
        trail = self.trail(database)
        with database.writing() as connection:
            connection.execute(text(change))
        assert fault in trail.verify().fault

    def test_a_chain_made_again_lacks_the_noted_head(self, database: ServiceDatabase) -> None:
        trail = self.trail(database)
        head = trail.verify().head
        with database.writing() as connection:
            connection.execute(text("DELETE FROM service_audit WHERE number = 4"))
            previous = connection.execute(text("SELECT hash FROM service_audit WHERE number = 3")).scalar_one()
            connection.execute(text("UPDATE service_heads SET number = 3, hash = :hash"), {"hash": previous})
        assert trail.verify().fault == ""
        assert "noted head" in trail.verify(head=head).fault

    def test_entries_of_many_writers_form_one_chain(self, database: ServiceDatabase) -> None:
        trail = AuditTrail(database)
        writers = [
            threading.Thread(target=lambda: [trail.add(actor="a", action="b", subject="c") for _ in range(5)])
            for _ in range(3)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        check = trail.verify()
        assert (check.entries, check.fault) == (15, "")


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(Exception, match="password"):
        open_service_database(url="postgresql://a:b@localhost/c")


def test_a_connection_that_breaks_is_an_error_of_the_database_and_the_next_one_works(server: str) -> None:
    broken = "SELECT pg_terminate_backend(pg_backend_pid())"

    def write_on(database: ServiceDatabase) -> None:
        with database.writing() as connection:
            with suppress(DBAPIError):
                connection.exec_driver_sql(broken)
            connection.exec_driver_sql("SELECT 1")

    with closing(opened(Postgres(server, is_pooled=True, section="database"))) as database:
        with pytest.raises(StoreError, match=r"the service's database .*connection broke") as caught:
            write_on(database)
        assert "database.url" in (caught.value.hint or "")
        with pytest.raises(StoreError, match="terminating connection"), database.snapshot() as connection:
            connection.exec_driver_sql(broken)
        with database.writing() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_damaged_file_leads_to_a_backup(tmp_path: Path) -> None:
    file = tmp_path / "service.db"
    file.write_bytes(b"not a database, but long enough to be read as one" * 40)
    with pytest.raises(StoreError, match="the service's database") as caught:
        open_service_database(file=file)
    assert "git align db restore" in (caught.value.hint or "")
