"""What only a server can do to a journal: be away, go away, keep a process waiting; and what must never be said of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gitalign.errors import ConfigError, StoreError
from gitalign.store import schema
from gitalign.store.journal import SqlJournal, connect_journal
from gitalign.store.postgres import Postgres, server_url
from tests.store.rows import X, begun, move

END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


def test_a_connection_that_the_server_ended_is_made_again(server: str) -> None:
    dialect = Postgres(server)
    with closing(connect_journal(dialect, repository="ended")) as journal:
        name = begun(journal)
        with dialect.engine().connect() as other:
            other.execute(text(END_OTHERS))
        journal.intend(name, [move(X)], anchor="a")
        assert journal.publications(name) == (move(X),)
        with dialect.engine().connect() as other:
            other.execute(text(END_OTHERS))
        with pytest.raises(StoreError, match="terminat"):
            journal.publications(name)
        assert journal.publications(name) == (move(X),)
        with pytest.raises(StoreError, match="terminat"):
            break_off(journal)
        assert journal.run(name).outcome == "running"


def break_off(journal: SqlJournal) -> None:
    with journal.transaction() as connection:
        connection.execute(text("UPDATE runs SET outcome = 'half'"))
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"postgresql://me@/db\?host=") as caught:
        connect_journal(Postgres(f"postgresql://me@/db?host={tmp_path}"), repository="x")
    assert "server runs" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_database_that_is_not_there(server: str) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        connect_journal(Postgres(server.replace("/postgres?", "/nowhere?")), repository="x")
    assert "createdb" in caught.value.hint


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_name(server: str, encoding: str) -> None:
    """A server that was made with the locale C has SQL_ASCII by default."""
    name = encoding.lower()
    with Postgres(server).engine().connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match=f"has the encoding {encoding}") as caught:
        connect_journal(Postgres(server.replace("/postgres?", f"/{name}?")), repository="x")
    assert "--encoding=UTF8" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", "mysql"),
        ("no address", "not an address"),
        ("postgresql+psycopg2://host/db", "psycopg2"),
        ("postgresql://me:secret@host/db", "password"),
        ("postgresql://me@host/db?password=secret", "password"),
    ],
)
def test_addresses_that_are_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        server_url(url)
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_password_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nignored\n")
    dialect = Postgres(f"postgresql://me@/db?host={tmp_path}", password_file=file)
    assert "secret" not in dialect.label + str(dialect.engine().url)
    with pytest.raises(StoreError) as caught:
        connect_journal(dialect, repository="x")
    assert "secret" not in str(caught.value) + str(caught.value.__cause__)
    with pytest.raises(StoreError, match="cannot read the password"):
        Postgres("postgresql://me@/db", password_file=tmp_path / "missing").engine()


def test_tables_of_others_are_left_alone(server: str) -> None:
    with Postgres(server).engine().connect() as connection:
        connection.execute(text("CREATE SCHEMA others"))
        connection.execute(text("CREATE TABLE others.runs (id int)"))
    apart = f"{server}&options=-csearch_path%3Dothers"
    with pytest.raises(StoreError, match="did not make"):
        connect_journal(Postgres(apart), repository="x")


def test_a_database_of_a_newer_release_is_refused(server: str) -> None:
    with Postgres(server).engine().connect() as connection:
        connection.execute(text("CREATE SCHEMA newer"))
    apart = Postgres(f"{server}&options=-csearch_path%3Dnewer")
    connect_journal(apart, repository="x").close()
    with apart.engine().connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer git-align"):
        connect_journal(apart, repository="x")


def shape(connection: Connection) -> set[tuple[str, ...]]:
    """Columns and indexes of the tables that are found first."""
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, character_maximum_length, collation_name, is_nullable, "
            "column_default FROM information_schema.columns WHERE table_schema = current_schema()"
        )
    )
    indexes = connection.execute(
        text("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()")
    )
    return {
        tuple(str(value).replace(f"{schema}.", "") for value in row)
        for schema in [connection.execute(text("SELECT current_schema()")).scalar()]
        for row in [*columns, *indexes]
    }


def test_a_database_of_an_earlier_release_is_brought_up_to_date(server: str) -> None:
    """Its tables become those of a new one. The first release with PostgreSQL had revision 0003."""
    before, new = (Postgres(f"{server}&options=-csearch_path%3D{name}") for name in ("before", "new"))
    with Postgres(server).engine().connect() as connection:
        connection.execute(text("CREATE SCHEMA before"))
        connection.execute(text("CREATE SCHEMA new"))
    for dialect in (before, new):
        connect_journal(dialect, repository="x").close()
    later = ("project", "batch", "parallel_batches", "worktrees", "path_claims")
    with before.engine().connect() as connection:
        for table in [one for one in schema.metadata.tables if one.startswith(later)]:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    connect_journal(before, repository="x").close()
    with before.engine().connect() as old, new.engine().connect() as fresh:
        assert shape(old) == shape(fresh)
