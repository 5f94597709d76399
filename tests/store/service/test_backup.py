"""A backup holds everything, is refused when anything about it is wrong, and what was restored from it goes on."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, insert, select, text

from gitalign.core.accounts import EVERY, Role, SessionBounds, Token, token_text
from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.errors import OutOfSpace, RunTakenOver, StoreError, UserError
from gitalign.store.postgres import Postgres
from gitalign.store.schema import AsciiText
from gitalign.store.service import backup, schema
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.backup import COUNTER_GAP, back_up, restore, tables
from gitalign.store.service.checking import checked
from gitalign.store.service.database import ServiceDatabase, Tables, open_service_database, opened
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import JobDocument, Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.sessions import Sessions
from gitalign.store.service.users import Users
from tests.documents.strict import validate

ODD = "/srv/caf\udce9"
TOKEN = Token(
    id="abcd", name="ada", role=Role.ADMIN, repositories=(EVERY,), created_at=datetime.now(UTC), created_by="me",
    expires_at=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "service.db"
    open_service_database(file=file).close()
    return file


@pytest.fixture
def empty(empty_file: Path, tmp_path: Path) -> Iterator[ServiceDatabase]:
    file = Path(shutil.copyfile(empty_file, tmp_path / "other.db"))
    with closing(open_service_database(file=file)) as database:
        yield database


@pytest.fixture
def database(empty_file: Path, tmp_path: Path) -> Iterator[ServiceDatabase]:
    """A service in which something happened."""
    file = Path(shutil.copyfile(empty_file, tmp_path / "service.db"))
    with closing(open_service_database(file=file)) as made:
        Repositories(made).add("shop", ODD, actor="me")
        accounts = Accounts(made)
        accounts.add(TOKEN, text=token_text(b"1" * 20))
        actor = accounts.holder(token_text(b"1" * 20))
        assert actor is not None
        Sessions(made).open(actor, "secret", SessionBounds(absolute_s=60, idle_s=60), seen=("::1", ""))
        Users(made).add("ada", role=Role.VIEWER, repositories=("shop",), password="hashed", actor="me")
        done = job_of(made, "0" * 32)
        HeldJobs(made, lease_s=60).finish(
            done, JobState.DONE, outcome="ok", document=JobDocument(media_type="application/json", body="caf\udce9")
        )
        job_of(made, "1" * 32)
        yield made


def job_of(database: ServiceDatabase, job_id: str) -> HeldJob:
    Jobs(database).add(NewJob(repository="shop", kind=JobKind.RUN, created_by="ada"), job_id=job_id, most_open=9)
    held = HeldJobs(database, lease_s=60).claim("worker")
    assert held is not None
    return held


def rows_of(database: ServiceDatabase) -> dict[str, list[dict[str, object]]]:
    with database.snapshot() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in tables()
        }


@pytest.mark.parametrize("name", ["all.backup", "all.backup.gz"])
def test_everything_comes_back(database: ServiceDatabase, empty: ServiceDatabase, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    counts = back_up(database, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert counts == backup_counts(database)
    assert counts["service_jobs"] == 2
    assert restore(empty, file, actor="me") == counts

    before, after = rows_of(database), rows_of(empty)
    for rows in before.values():
        for row in rows:
            for counter in ("token", "last_event"):
                if counter in row:
                    row[counter] += COUNTER_GAP  # type: ignore[operator]
    last = after["service_audit"].pop()
    assert last["action"] == "database.restore"
    before.pop("service_heads"), after.pop("service_heads")
    assert after == before
    assert AuditTrail(empty).verify().fault == ""
    assert checked(empty).faults == ()


def backup_counts(database: ServiceDatabase) -> dict[str, int]:
    with database.snapshot() as connection:
        return backup.counted(connection)


def test_what_a_worker_held_before_is_not_valid_after_it_was_restored(
    database: ServiceDatabase, empty: ServiceDatabase, tmp_path: Path
) -> None:
    back_up(database, tmp_path / "file")
    later = HeldJobs(database, lease_s=60)
    with database.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1))
    stale = later.claim("stale")  # raises the token after the backup
    assert stale is not None
    restore(empty, tmp_path / "file", actor="me")
    with empty.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1))
    new = HeldJobs(empty, lease_s=60).claim("new")
    assert new is not None
    assert new.job.token > stale.job.token
    with pytest.raises(RunTakenOver):
        HeldJobs(empty, lease_s=60).renew(stale)


def test_a_backup_is_of_one_moment_while_others_write(database: ServiceDatabase, tmp_path: Path) -> None:
    """Each job brings an entry of the audit trail in the same transaction: both are there, or neither."""
    ended = threading.Event()

    def write() -> None:
        for number in range(2, 60):
            new = NewJob(repository="shop", kind=JobKind.PLAN, created_by="ada")
            Jobs(database).add(new, job_id=f"{number:032x}", most_open=99)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    taken = 0
    while not ended.is_set():
        file = tmp_path / f"{taken}.backup"
        back_up(database, file)
        header, *rows, _ = map(json.loads, file.read_text().splitlines())
        assert validate(header) == "service-backup"
        jobs = sum(row["table"] == "service_jobs" for row in rows)
        created = sum(row["table"] == "service_audit" and row["row"]["action"].startswith("job.") for row in rows)
        assert jobs == created
        taken += 1
    writer.join()
    assert taken > 0


def test_every_table_is_in_a_backup_or_says_why_not() -> None:
    left_out = {table.name for table in schema.metadata.sorted_tables} - {table.name for table in tables()}
    assert "service_sessions" in left_out
    assert {"service_jobs", "service_tokens", "service_audit"}.isdisjoint(left_out)


class TestRefused:
    @pytest.fixture
    def file(self, database: ServiceDatabase, tmp_path: Path) -> Path:
        back_up(database, tmp_path / "file")
        return tmp_path / "file"

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            (slice(0, 0), "not JSON"),
            (slice(1, None), r"not that of a backup|expected"),
            (slice(0, -1), "too early"),
            (slice(0, -2), "too early"),
        ],
    )
    def test_a_file_that_is_cut(self, file: Path, empty: ServiceDatabase, lines: slice, why: str) -> None:
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[lines]))
        with pytest.raises(UserError, match=why):
            restore(empty, file, actor="me")
        assert checked(empty).rows["service_jobs"] == 0

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (b'"ada"', b'"eve"', "not those that were written"),
            (b'"service_jobs"', b'"sqlite_master"', "not a row of a known table"),
            (b'"row":', b'"wor":', "not a row of a known table"),
            (schema.HEAD_REVISION.encode(), b"s9999", "newer git-align"),
            (schema.HEAD_REVISION.encode(), b"banana", "no release"),
            (b'"sha256"', b'"more": 1, "sha256"', "not those that were written"),
        ],
    )
    def test_a_file_that_was_changed(
        self, file: Path, empty: ServiceDatabase, old: bytes, new: bytes, why: str
    ) -> None:
        file.write_bytes(file.read_bytes().replace(old, new, 1))
        with pytest.raises(UserError, match=why):
            restore(empty, file, actor="me")
        assert checked(empty).rows["service_jobs"] == 0

    def test_a_file_with_more_behind_its_end(self, file: Path, empty: ServiceDatabase) -> None:
        with file.open("ab") as more:
            more.write(b"{}\n")
        with pytest.raises(UserError, match="not those that were written"):
            restore(empty, file, actor="me")

    def test_a_damaged_gzip(self, database: ServiceDatabase, empty: ServiceDatabase, tmp_path: Path) -> None:
        file = tmp_path / "cut.gz"
        back_up(database, file)
        assert gzip.decompress(file.read_bytes())
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(UserError):
            restore(empty, file, actor="me")

    def test_a_database_that_holds_something(self, file: Path, database: ServiceDatabase) -> None:
        with pytest.raises(UserError, match="not empty"):
            restore(database, file, actor="me")

    def test_a_file_that_is_there_already(self, file: Path, database: ServiceDatabase) -> None:
        before = file.read_bytes()
        with pytest.raises(UserError, match="there already"):
            back_up(database, file)
        assert file.read_bytes() == before

    def test_a_full_disk_leaves_nothing(self, database: ServiceDatabase, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir(0o500)
        with pytest.raises((OutOfSpace, UserError)):
            back_up(database, folder / "none" / "file")
        assert list(folder.iterdir()) == []


class TestChecking:
    def test_who_is_signed_in_is_no_fault(self, database: ServiceDatabase) -> None:
        """A session belongs to a person or to a token; 0 stands for none."""
        rows = [
            {**{column.name: "" for column in schema.sessions.c}, **ids, "digest": digest, "is_link": False}
            for digest, ids in (("a", {"token": 1, "person": 0}), ("b", {"token": 0, "person": 0}))
        ]
        numbers = {column.name: 1 for column in schema.sessions.c if column.name.endswith("_at")}
        with database.writing() as connection:
            connection.execute(insert(schema.sessions), [{**row, **numbers} for row in rows])
        assert checked(database).faults == ()
        with database.writing() as connection:
            connection.execute(schema.sessions.update().values(person=77))
        assert any("belong to a person that is not there" in fault for fault in checked(database).faults)

    def test_rows_without_an_owner_and_a_changed_audit_trail(self, database: ServiceDatabase) -> None:
        with database.writing() as connection:
            connection.execute(
                insert(schema.events), [{"repository": 1, "seq": 99, "job": 77, "kind": "job", "at": 1, "body": "{}"}]
            )
            connection.execute(schema.audit.update().where(schema.audit.c.number == 1).values(actor="eve"))
        faults = " ".join(checked(database).faults)
        assert "service_events: 1 rows belong to a job that is not there" in faults
        assert "audit trail: " in faults

    def test_a_damaged_file(self, database: ServiceDatabase, tmp_path: Path) -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("PRAGMA writable_schema=ON")
            connection.execute(text("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'service_jobs_by_run'"))
        with closing(open_service_database(file=tmp_path / "service.db", tables=Tables.ANY)) as again:
            try:
                faults = checked(again).faults
            except StoreError:
                return
        assert any("damaged" in fault for fault in faults)

    def test_tables_of_another_release(self, tmp_path: Path) -> None:
        file = tmp_path / "new.db"
        with pytest.raises(StoreError, match="there is no"):
            open_service_database(file=file, tables=Tables.ANY)
        assert not file.exists()
        with pytest.raises(StoreError, match="revision none"):
            open_service_database(file=file, tables=Tables.NEWEST)
        with closing(open_service_database(file=file, tables=Tables.ANY)) as none_yet:
            (fault,) = checked(none_yet).faults
        assert "git align db upgrade" in fault


def fill(database: ServiceDatabase) -> None:
    """A row in each table that has none, with odd text wherever a column takes it."""
    odd: dict[type, object] = {
        AsciiText: "/srv/caf\udce9 \U0001f600 \x01", Boolean: True, LargeBinary: b"\x00\xff", Integer: 7, BigInteger: 1 << 40,
    }  # fmt: skip
    with database.writing() as connection:
        for table in tables():
            if connection.execute(select(table).limit(1)).first() is None:
                row = {column.name: odd.get(type(column.type), "caf\u00e9 \U0001f600'\"\n") for column in table.c}
                row |= {column.name: "x" for column in table.c if getattr(column.type, "length", None) in (11, 16)}
                connection.execute(insert(table), [row])


def raised(rows: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """What a restored database holds, but for the last entry of its audit trail."""
    rows = deepcopy(rows)
    for table in tables():
        for row in rows[table.name]:
            row.update({c.name: row[c.name] + COUNTER_GAP for c in table.c if c.info.get("counter")})  # type: ignore[operator]
    rows.pop("service_heads")
    return rows


def test_from_sqlite_to_postgresql_and_back(database: ServiceDatabase, server: str, tmp_path: Path) -> None:
    """Every table, in both directions."""
    fill(database)
    before = rows_of(database)
    assert all(before.values()), "each table has a row"
    back_up(database, tmp_path / "file.gz")
    with closing(opened(Postgres(server, is_pooled=True))) as other:
        with other.writing() as connection:
            for table in schema.metadata.sorted_tables:
                connection.execute(table.delete())
        restore(other, tmp_path / "file.gz", actor="me")
        moved = rows_of(other)
        assert {**moved, "service_audit": moved["service_audit"][:-1]}.items() >= raised(before).items()
        assert Repositories(other).get("shop").path == ODD
        Jobs(other).add(
            NewJob(repository="shop", kind=JobKind.PLAN, created_by="ada"), job_id="2" * 32, most_open=9
        )  # its number is not one that a restored row has
        Repositories(other).add("lab", "/srv/lab", actor="me")
        moved = rows_of(other)
        back_up(other, tmp_path / "back.gz")
    with closing(open_service_database(file=tmp_path / "again.db")) as third:
        restore(third, tmp_path / "back.gz", actor="me")
        back = rows_of(third)
        assert back["service_jobs"][-1]["attempts"] == 1, "a job that waited is looked for first"
        back["service_jobs"][-1]["attempts"] = 0
        assert {**back, "service_audit": back["service_audit"][:-1]}.items() >= raised(moved).items()
        assert AuditTrail(third).verify().fault == ""
