"""A sample repository, and a service that works on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.repositories import Repositories
from tests.git.workspace import Workspace
from tests.service.asking import REPOSITORY

LINES = b"".join(b"line %d\n" % number for number in range(12))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two branches that align, one that conflicts, one whose name needs care."""
    work = Workspace(tmp_path_factory.mktemp("sample") / "repo")
    work.commit("base", {"list": LINES})
    for name in ("clean", "feature/<b>two"):
        work.switch(name, "main")
        work.commit(f"feat: {name}", {f"{name[:5]}.txt": b"1\n"})
    work.switch("clash", "main")
    work.commit("clash", {"list": LINES.replace(b"line 5\n", b"theirs\n")})
    work.switch("main")
    work.commit("main", {"list": LINES.replace(b"line 5\n", b"ours\n")})
    return work.path


@pytest.fixture
def repository(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample."""
    return Path(shutil.copytree(sample, tmp_path / "repo"))


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the service with its tables; copying it is faster than making it."""
    file = tmp_path_factory.mktemp("empty") / "service.db"
    open_service_database(file=file).close()
    return file


@pytest.fixture
def database_file(empty_database: Path, repository: Path, tmp_path: Path) -> Path:
    """A database that knows the repository."""
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    with closing(open_service_database(file=file)) as database:
        Repositories(database).add(REPOSITORY, str(repository), actor="me")
    return file


@pytest.fixture
def database(database_file: Path) -> Iterator[ServiceDatabase]:
    with closing(open_service_database(file=database_file)) as opened:
        yield opened
