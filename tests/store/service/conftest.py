"""The databases of a service: SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from gitalign.store.postgres import Postgres
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase, open_service_database, opened


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceDatabase]:
    if request.param == "sqlite":
        database = open_service_database(file=tmp_path_factory.mktemp("db") / "inner" / "service.db")
    else:
        database = opened(Postgres(request.getfixturevalue("server"), is_pooled=True))
    with closing(database):
        yield database


@pytest.fixture
def database(made: ServiceDatabase) -> ServiceDatabase:
    """Emptied before each test: tables are made once."""
    with made.writing() as connection:
        for table in schema.metadata.sorted_tables:
            if table is not schema.heads:
                connection.execute(table.delete())
        connection.execute(schema.heads.update().values(number=0, hash="0" * 64))
    return made
