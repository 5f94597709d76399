"""Small real repositories for tests of batches, and what tasks are run with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
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


def grown(world: World, name: str, files: Mapping[str, str | None], *, onto: str = "main", resets: bool = False) -> Oid:
    """A branch with one more commit than another; no work tree is touched, unless it is to follow.

    Args:
        files: path -> content; None for one that is deleted.
        onto: what it stands on.
        resets: have the checkout follow.
    """
    said = [f"commit refs/heads/{name}\n".encode(), b"committer O Perator <operator@example.org> 1700000000 +0000\n"]
    message = f"{name}\n".encode()
    said += [b"data %d\n" % len(message), message, f"from {git(world.path, 'rev-parse', onto)}\n".encode()]
    for path, content in files.items():
        if content is None:
            said.append(f"D {path}\n".encode())
        else:
            body = content.encode()
            said += [f"M 100644 inline {path}\n".encode(), b"data %d\n" % len(body), body, b"\n"]
    feed = subprocess.run(
        ["git", "fast-import", "--quiet", "--force", "--done"],
        cwd=world.path,
        input=b"".join([*said, b"done\n"]),
        check=True,
    )
    assert feed.returncode == 0
    if resets:
        git(world.path, "reset", "-q", "--hard", name)
    return Oid(git(world.path, "rev-parse", name))
