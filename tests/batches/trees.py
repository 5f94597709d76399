"""Small real repositories for tests of batches, and what tasks are run with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitalign.batches.running.pool import TreePool
from gitalign.batches.running.run_task import TaskPlace
from gitalign.core.names import Oid
from gitalign.core.validation import ValidationPlan
from gitalign.git.repository import Repository, open_repository
from gitalign.validate.confine import confinement_for
from tests.histories import git

FILES = {"a.txt": "a\n", "src/b.txt": "b\n", ".gitignore": "*.log\n", "package-lock.json": "{}\n"}


@dataclass
class World:
    """A repository with one commit on `main`, and a pool of work trees beside it."""

    path: Path
    repository: Repository
    pool: TreePool

    @property
    def tip(self) -> Oid:
        return Oid(git(self.path, "rev-parse", "main"))

    def git(self, *words: str) -> str:
        return git(self.path, *words)

    def refs(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()


def make_world(folder: Path, files: dict[str, str] = FILES) -> World:
    path = folder / "repository"
    git(folder, "init", "-q", "-b", "main", str(path))
    git(path, "config", "user.name", "O Perator")
    git(path, "config", "user.email", "operator@example.org")
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    git(path, "add", "-A")
    git(path, "commit", "-qm", "base")
    repository = open_repository(path)
    return World(path, repository, TreePool(repository, folder / "trees"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def a_place(world: World, confinement: str = "none", *, network: bool = True) -> TaskPlace:
    plan = ValidationPlan(confinement=confinement, network=network)
    return TaskPlace(
        batch_id="20261127-180000-abcdef",
        slot=0,
        first_port=21_000,
        ident=("O Perator", "operator@example.org"),
        confinement=confinement_for(plan, Path(world.repository.common_dir)),
        source=os.environ,
    )
