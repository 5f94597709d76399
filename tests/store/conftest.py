"""The databases that a journal can be in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitalign.store.dialect import Dialect
from gitalign.store.postgres import Postgres
from gitalign.store.sqlite import Sqlite
from tests.store.server import running


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
