"""The databases that a journal can be in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gitalign.core.plan import Plan
from gitalign.store import bodies
from gitalign.store.dialect import Dialect
from gitalign.store.journal import SqlJournal, connect_journal
from gitalign.store.postgres import Postgres
from gitalign.store.sqlite import Sqlite
from tests.store.rows import REPOSITORIES, Opener
from tests.store.server import running
from tests.store.test_old_databases import OLD


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a database in a PostgreSQL server."""
    with running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest, tmp_path: Path) -> Dialect:
    """A database of each kind. That of PostgreSQL is the same one for all tests."""
    if request.param == "sqlite":
        return Sqlite(tmp_path / "gitalign.db")
    return Postgres(request.getfixturevalue("server"))


@pytest.fixture(scope="session")
def plan() -> Plan:
    """A plan of several steps onto main."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript((OLD / "0002.sql").read_text())
        ((text,),) = database.execute("SELECT plan FROM runs WHERE number = 1")
    return bodies.plan_of(text)


@pytest.fixture
def opener(dialect: Dialect) -> Iterator[Opener]:
    """Opens the journal of one repository, as often as it is called."""
    repository = next(REPOSITORIES)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(connect_journal(dialect, repository=repository)))


@pytest.fixture
def journal(opener: Opener) -> SqlJournal:
    return opener()
