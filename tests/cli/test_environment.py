"""git-align as a subcommand of git: what stands before `align` counts, and contradictions end with exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm
from tests.git.workspace import Workspace


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    return _diverged(tmp_path / "other")


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return _diverged(tmp_path / "here")


def _diverged(path: Path) -> Workspace:
    work = Workspace(path)
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    work.switch("main")
    work.commit("main", {"b": b"b\n"})
    return work


def test_what_stands_before_align_counts(here: Workspace, other: Workspace, tmp_path: Path) -> None:
    """Edge case 51, through git itself."""
    other.git("config", "--unset", "user.name")
    other.git("config", "user.useConfigOnly", "true")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git-align").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitalign "$@"\n')
    (folder / "git-align").chmod(0o755)
    before = here.git("for-each-ref")
    done = subprocess.run(
        ["git", f"--git-dir={other.path}/.git", "-c", "user.name=Given Here", "align", "run", "--yes"],
        cwd=here.path,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert here.git("for-each-ref") == before
    assert other.git("log", "-1", "--format=%cn", "x") == "Given Here"
    assert other.git("merge-base", "--is-ancestor", "main", "x") == ""


@pytest.mark.parametrize("typed", [["plan", "--repo", "."], ["--repo", ".", "plan"], ["--repo", "."]])
def test_a_typed_folder_beside_git_dir_is_a_contradiction(here: Workspace, other: Workspace, typed: list[str]) -> None:
    variables = {"GIT_DIR": str(other.path / ".git")}
    done = warm.run(*typed, cwd=here.path, env=variables)
    assert done.returncode == 2
    assert str(here.path) in done.stderr
    assert str(other.path) in done.stderr
    assert warm.run("plan", cwd=here.path, env=variables).returncode == 0


def test_a_plan_with_a_fetch_does_not_say_that_nothing_was_changed(here: Workspace, tmp_path: Path) -> None:
    """Edge case 52."""
    mirror = tmp_path / "mirror.git"
    here.git("clone", "-q", "--mirror", ".", str(mirror))
    here.git("commit", "-q", "--allow-empty", "-m", "main goes on")
    before = here.git("-C", str(mirror), "for-each-ref", "refs/heads")
    done = warm.run("plan", "--fetch", "--repo", mirror)
    assert done.returncode == 0, done.stderr
    assert "Nothing was changed" not in done.stdout
    assert "No branch was changed; the targets were fetched." in done.stdout
    assert "origin/main" in done.stdout
    assert here.git("-C", str(mirror), "for-each-ref", "refs/heads") == before
