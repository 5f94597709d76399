"""A sample repository, and a service that works on it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitalign.core.addresses import AddressRules
from gitalign.service.application import create_app
from gitalign.service.credentials import KEYS_VARIABLE, new_key
from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.repositories import Repositories
from tests.git.workspace import Workspace
from tests.service.asking import REPOSITORY
from tests.service.git_server import GitServer, git_server
from tests.service.mirroring import Mirrored
from tests.service.serving import Served, served

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


@pytest.fixture(scope="module")
def bare(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bare") / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(sample), str(place)], check=True)
    return place


@pytest.fixture
def server(bare: Path, tmp_path: Path) -> Iterator[GitServer]:
    shutil.copytree(bare, tmp_path / "served" / "remote.git")
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def world(server: GitServer, empty_database: Path, tmp_path: Path) -> Iterator[Mirrored]:
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    rules = AddressRules(schemes=("http",), hosts=(server.host,), allows_private=True)
    with closing(open_service_database(file=file)) as database:
        yield Mirrored(database, tmp_path / "mirrors", server, server.url(), rules)


@pytest.fixture
def serving_batches(
    database_file: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A running service with a key, which carries out batches without confinement."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(KEYS_VARIABLE, new_key())
    (repository / ".git/gitalign").mkdir(exist_ok=True)
    (repository / ".git/gitalign/config.yaml").write_text("batch: {confinement: none}\n")
    settings = {"database": {"file": database_file}, "batches": {"allowed": True, "confinement": "none"}}
    with served(create_app(settings)) as running:
        yield running
