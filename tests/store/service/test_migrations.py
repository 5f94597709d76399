"""From one release to the next: tables only get more, and a backup of an earlier release is upgraded with its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, select, text

from gitalign.store.postgres import Postgres
from gitalign.store.service import schema
from gitalign.store.service.backup import restore
from gitalign.store.service.checking import checked
from gitalign.store.service.database import ServiceDatabase, Tables, open_service_database, opened, revisions
from gitalign.store.service.repositories import Repositories


def upgraded(connection: Connection, revision: str) -> None:
    """Make the tables of a release."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def in_order() -> list[str]:
    """The revisions, oldest first."""
    known = sorted(revisions())
    assert known[-1] == schema.HEAD_REVISION
    return known


@pytest.fixture(params=["sqlite", "postgres"])
def none_yet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceDatabase]:
    """A database without tables."""
    if request.param == "postgres":
        made = opened(Postgres(request.getfixturevalue("server"), is_pooled=True), Tables.ANY)
        with made.writing() as connection:
            schema.metadata.drop_all(connection)
            connection.execute(text(f"DROP TABLE IF EXISTS {schema.VERSION_TABLE}"))
    else:
        file = tmp_path / "none.db"
        file.touch()
        made = open_service_database(file=file, tables=Tables.ANY)
    with closing(made):
        yield made


def test_a_backup_of_an_earlier_release_goes_through_its_migrations(none_yet: ServiceDatabase, tmp_path: Path) -> None:
    """Tokens were for names before s0006, and are for identities since: a migration changed the rows."""
    row = {"number": 1, "name": "shop", "path": "/srv/shop", "last_event": 7, "created_at": 1}
    token = {
        "number": 3, "id": "abcd", "digest": "0" * 64, "name": "ada", "role": "lander", "repositories": '["shop"]',
        "created_by": "me", "created_at": 1, "expires_at": None, "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    lines = [
        {"format": "git-align/service-backup", "version": "1.0", "revision": "s0001", "release": "0.3.0"},
        {"table": "service_heads", "row": {"name": "audit", "number": 0, "hash": "0" * 64}},
        {"table": "service_repositories", "row": row},
        {"table": "service_tokens", "row": token},
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    end = {"rows": 3, "sha256": hashlib.sha256(body).hexdigest()}
    (tmp_path / "old").write_bytes(body + json.dumps(end).encode() + b"\n")
    with none_yet.writing() as connection:
        upgraded(connection, "head")
    assert restore(none_yet, tmp_path / "old", actor="me")["service_tokens"] == 1
    with none_yet.reading() as connection:
        assert none_yet.revision(connection) == schema.HEAD_REVISION
        identity = connection.execute(select(schema.repositories.c.id)).scalar_one()
        assert connection.execute(select(schema.tokens.c.repository_ids)).scalar_one() == json.dumps([identity])
    assert checked(none_yet).faults == ()
    Repositories(none_yet).add("lab", "/srv/lab", actor="me")


def test_migrations_only_add(none_yet: ServiceDatabase) -> None:
    """A server of the release before works on beside an upgraded database: nothing it writes or reads is gone or refused."""
    before: dict[str, dict[str, str]] = {}
    unique: dict[str, set[tuple[str, ...]]] = {}
    for revision in in_order():
        with none_yet.writing() as connection:
            upgraded(connection, revision)
            seen = inspect(connection)
            names = [name for name in seen.get_table_names() if name != schema.VERSION_TABLE]
            columns = {name: {column["name"]: column for column in seen.get_columns(name)} for name in names}
            now = {
                name: {
                    *(tuple(sorted(one["column_names"])) for one in seen.get_unique_constraints(name)),
                    *(tuple(sorted(map(str, one["column_names"]))) for one in seen.get_indexes(name) if one["unique"]),
                }
                for name in names
            }
        after = {
            name: {column: f"{one['type']} {one['nullable']}" for column, one in of_table.items()}
            for name, of_table in columns.items()
        }
        for table, known in before.items():
            assert known.items() <= after[table].items(), f"{revision} takes or changes columns of {table}"
            added = after[table].keys() - known.keys()
            needed = {
                name
                for name in added
                if not columns[table][name]["nullable"] and columns[table][name]["default"] is None
            }
            assert not needed, f"{revision} adds {needed} to {table}, which older servers do not fill in"
            stricter = {one for one in now[table] - unique[table] if added.isdisjoint(one)}
            assert not stricter, f"{revision} refuses rows of {table} that older servers write: {stricter}"
        before, unique = after, now
