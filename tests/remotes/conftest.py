"""A clone with a bare remote behind file://, whose branches track it, and where main has gone on."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.publication import Publication
from gitalign.core.report import Report
from tests.git.workspace import Workspace
from tests.runs import request

PERMIT = Permit(plan_id="*", push=True)


@dataclass
class Shared:
    """A clone and its remote."""

    work: Workspace
    remote: Path

    def there(self, name: str) -> str:
        """Where a branch stands on the remote; empty when it is not there."""
        return self.work.git(
            "--git-dir", str(self.remote), "for-each-ref", "--format=%(objectname)", f"refs/heads/{name}"
        )

    def here(self, name: str) -> str:
        """Where a branch stands in the clone."""
        return self.work.tip(f"refs/heads/{name}")

    def target_moves_on(self, name: str = "main", *, pushed: bool = True) -> None:
        """A commit on the target."""
        self.work.switch(name)
        self.work.commit(f"{name} goes on", {f"{name}-{self.work.git('rev-list', '--count', name)}": b"1\n"})
        if pushed:
            self.work.git("push", "-q", "origin", name)

    def teammate_pushes(self, name: str) -> str:
        """A commit that somebody else puts on a branch of the remote; its id."""
        git = ("--git-dir", str(self.remote))
        made = self.work.git(*git, "commit-tree", "-p", name, "-m", "theirs", f"{name}^{{tree}}")
        self.work.git(*git, "update-ref", f"refs/heads/{name}", made)
        return made

    def hook(self, name: str, body: str) -> None:
        """A hook of the remote."""
        place = self.remote / "hooks" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\n{body}\n")
        place.chmod(0o755)

    def run(self, *, push: bool = False, only: tuple[str, ...] = (), push_hooks: str = "hold") -> Report:
        """Align everything."""
        asked = request(self.work.path, only=only, push=push, push_hooks=push_hooks)
        return facade.run(asked, permit=Permit(plan_id="*", push=push))

    def push(self, run_id: str | None = None, *, only: tuple[str, ...] = (), push_hooks: str = "hold") -> Report | None:
        """Push what runs moved."""
        return facade.push(request(self.work.path, only=only, push_hooks=push_hooks), run_id, permit=PERMIT)

    def undo(self, run_id: str = "last", *, push: bool = False, only: tuple[str, ...] = ()) -> Report:
        """Undo a run."""
        return facade.undo(request(self.work.path, only=only), run_id, push=push, permit=PERMIT)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clone and the remote, to be copied."""
    place = tmp_path_factory.mktemp("shared")
    work = Workspace(place / "repo")
    work.commit("base", {"a": b"a\n"})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.git("clone", "-q", "--bare", str(work.path), str(place / "remote.git"))
    work.git("remote", "add", "origin", f"file://{place / 'remote.git'}")
    work.git("push", "-q", "-u", "origin", "main", "x", "y")
    Shared(work, place / "remote.git").target_moves_on()
    return place


@pytest.fixture
def shared(template: Path, tmp_path: Path) -> Shared:
    """Branches x and y, each with a commit, on the remote; main has gone on there, too."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True, symlinks=True)
    work = Workspace(tmp_path / "repo")
    work.git("remote", "set-url", "origin", f"file://{tmp_path / 'remote.git'}")
    return Shared(work, tmp_path / "remote.git")


def of(report: Report | None, name: str) -> Publication:
    """What became of one branch."""
    assert report is not None
    return next(one for one in report.publications if one.update.ref == f"refs/heads/{name}")


@pytest.fixture
def clone(shared: Shared, tmp_path: Path) -> Shared:
    """A fresh clone: x and y exist on the remote alone."""
    place = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"file://{shared.remote}", str(place)], check=True)
    return Shared(Workspace(place), shared.remote)


def on_remote(clone: Shared, *, everywhere: bool = False, only: tuple[str, ...] = (), **settings: object) -> Report:
    overrides = {f"alignment.{key}": value for key, value in settings.items()}
    asked = facade.Request(
        repo=clone.work.path, remote="", also_local=everywhere, push=True, only=only, overrides=overrides
    )
    return facade.run(asked, permit=PERMIT)


def refs_of(clone: Shared) -> str:
    return clone.work.git("--git-dir", str(clone.remote), "for-each-ref")
