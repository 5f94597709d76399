"""Which repository is meant: what a variable or an option names, it names for git-align as for git, or nothing is done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.errors import GitAlignError, NotARepository, UserError
from gitalign.git.repository import open_repository
from tests.git.workspace import Workspace


def history(path: Path) -> Workspace:
    work = Workspace(path)
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    work.switch("main")
    work.commit("main goes on", {"b": b"b\n"})
    return work


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    work = history(tmp_path / "here")
    monkeypatch.chdir(work.path)
    return work


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    work = history(tmp_path / "other")
    work.git("branch", "only-there", "x")
    return work


def test_git_dir_names_the_repository_that_is_aligned(
    here: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 51. The repository that one stands in stays as it is."""
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    before, there = refs(here), refs(other)
    report = facade.run(facade.Request(repo="."), permit=Permit(plan_id="*"))
    assert report.counts() == {"aligned": 2}
    assert refs(here) == before
    assert refs(other) != there


def test_git_dir_takes_the_real_work_tree_along(
    here: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git takes the current folder for the work tree then; the files that belong to the branch are elsewhere."""
    other.switch("x")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    facade.run(facade.Request(repo="."), permit=Permit(plan_id="*"))
    monkeypatch.delenv("GIT_DIR")
    assert other.git("status", "--porcelain") == ""
    assert (other.path / "b").read_bytes() == b"b\n"
    assert not (here.path / "x").exists()


def test_a_path_and_git_dir_that_differ_are_refused_with_both(
    here: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    with pytest.raises(UserError) as caught:
        open_repository(here.path)
    assert caught.value.exit_code == 2
    assert str(here.path) in caught.value.message
    assert str(other.path) in caught.value.message
    assert open_repository(other.path).common_dir == str(other.path / ".git")


def test_a_relative_git_dir_is_relative_to_the_current_folder(
    here: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "../other/.git")
    assert open_repository(".").common_dir == str(other.path / ".git")
    assert open_repository(other.path).common_dir == str(other.path / ".git")
    monkeypatch.setenv("GIT_DIR", "../nowhere/.git")
    with pytest.raises(NotARepository, match="nowhere"):
        open_repository(".")


def test_a_work_tree_of_its_own_counts_and_a_second_one_is_refused(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git --git-dir=~/.dotfiles --work-tree=~`, and a work tree beside the one that the repository has."""
    dotfiles = tmp_path / "dotfiles"
    here.git("clone", "-q", "--bare", ".", str(dotfiles))
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("GIT_DIR", str(dotfiles))
    monkeypatch.setenv("GIT_WORK_TREE", str(home))
    opened = open_repository(".")
    assert (opened.common_dir, opened.work_tree, opened.is_bare) == (str(dotfiles), str(home), False)
    monkeypatch.setenv("GIT_DIR", str(here.path / ".git"))
    with pytest.raises(UserError, match="GIT_WORK_TREE") as caught:
        open_repository(".")
    assert str(home) in caught.value.message
    monkeypatch.setenv("GIT_WORK_TREE", ".")
    assert open_repository(".").work_tree == str(here.path)


@pytest.mark.parametrize("with_git_dir", [False, True])
def test_an_empty_work_tree_is_named_as_the_reason(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, with_git_dir: bool
) -> None:
    monkeypatch.chdir(here.path)
    monkeypatch.setenv("GIT_WORK_TREE", "")
    if with_git_dir:
        monkeypatch.setenv("GIT_DIR", str(here.path / ".git"))
    with pytest.raises(NotARepository) as caught:
        open_repository(".")
    assert caught.value.hint == "unset GIT_WORK_TREE, which names no folder: it is empty"


def test_parts_that_lie_elsewhere_are_refused(
    here: Workspace, other: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    own = here.path / ".git"
    for name, elsewhere, usual in (
        ("GIT_COMMON_DIR", other.path / ".git", own),
        ("GIT_OBJECT_DIRECTORY", other.path / ".git" / "objects", own / "objects"),
        ("GIT_INDEX_FILE", tmp_path / "index", own / "worktrees" / "linked" / "index"),
    ):
        with monkeypatch.context() as setting:
            setting.setenv("GIT_DIR", str(own / "worktrees" / "linked"))
            setting.setenv(name, str(elsewhere))
            with pytest.raises(UserError, match=name) as caught:
                open_repository(".")
            assert str(elsewhere) in caught.value.message
            assert caught.value.exit_code == 2
            setting.setenv(name, str(usual))
            assert open_repository(".").work_tree == str(tmp_path / "linked")


def test_discovery_stops_where_git_stops(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    below = here.path / "below" / "deep"
    below.mkdir(parents=True)
    assert open_repository(below).work_tree == str(here.path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(here.path / "below"))
    with pytest.raises(NotARepository):
        open_repository(below)


def test_a_bare_repository_that_is_named_is_opened(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`safe.bareRepository=explicit` is about those that one stumbles upon."""
    bare = tmp_path / "bare.git"
    here.git("clone", "-q", "--bare", ".", str(bare))
    config = tmp_path / "config"
    config.write_text("[safe]\n\tbareRepository = explicit\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert open_repository(bare).is_bare
    assert facade.plan(facade.Request(repo=bare)).targets
    monkeypatch.chdir(bare)
    with pytest.raises(NotARepository, match=r"safe\.bareRepository"):
        open_repository(".")
    with pytest.raises(NotARepository):
        open_repository(bare / "refs")
    assert open_repository(here.path).common_dir == str(here.path / ".git")
    assert open_repository(here.path / ".git").common_dir == str(here.path / ".git")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a repository to another user")
def test_ownership_is_checked_as_git_checks_it(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a bare repository that is named; `safe.directory` given as `git -c` gives it opens both."""
    bare = tmp_path / "bare.git"
    here.git("clone", "-q", "--bare", ".", str(bare))
    for place in (here.path, here.path / ".git", bare):
        shutil.chown(place, 65534)
    for place in (here.path, bare):
        with pytest.raises(NotARepository, match="dubious ownership"):
            open_repository(place)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert open_repository(here.path).work_tree == str(here.path)
    assert open_repository(bare).is_bare
    monkeypatch.delenv("GIT_CONFIG_COUNT")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'safe.directory'='*'")
    assert open_repository(bare).is_bare


def refs(work: Workspace) -> str:
    return work.git("for-each-ref", "refs/heads", env={"GIT_DIR": str(work.path / ".git")})


def test_a_named_work_tree_is_a_desk(here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git --git-dir=~/.dotfiles --work-tree=~ align run`: files follow their branch, and are not left beneath it."""
    dotfiles, home = tmp_path / "dotfiles", tmp_path / "home"
    here.git("clone", "-q", "--bare", ".", str(dotfiles))
    home.mkdir()
    for key, value in {"user.name": "O Perator", "user.email": "operator@example.org"}.items():
        here.git("-C", str(dotfiles), "config", key, value)
    variables = {"GIT_DIR": str(dotfiles), "GIT_WORK_TREE": str(home)}
    here.git("checkout", "-q", "-f", "x", env=variables)
    before = refs_of(dotfiles, here)
    unnamed = facade.run(facade.Request(repo=dotfiles), permit=Permit(plan_id="*"))
    assert "--work-tree" in next(one.reason for one in unnamed.plan.excluded if one.branch == "x")
    assert refs_of(dotfiles, here) == before
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    report = facade.run(facade.Request(repo="."), permit=Permit(plan_id="*"))
    assert report.counts() == {"aligned": 1}
    assert here.git("status", "--porcelain", env=variables) == ""
    assert (home / "b").read_bytes() == b"b\n"


def refs_of(git_dir: Path, work: Workspace) -> str:
    return work.git("-C", str(git_dir), "for-each-ref", "refs/heads")


def failing_git(folder: Path, times: int, how: str) -> Path:
    """A git that answers the first questions about the work tree with a failure."""
    real = shutil.which("git")
    folder.mkdir()
    counter = folder / "count"
    counter.write_text("0")
    wrapper = folder / "git"
    wrapper.write_text(
        f"""#!/bin/sh
case "$*" in *--show-toplevel*|*--git-common-dir*)
  n=$(cat {counter}); echo $((n + 1)) > {counter}
  [ "$n" -lt {times} ] && {{ {how}; }} ;;
esac
exec {real} "$@"
"""
    )
    wrapper.chmod(0o755)
    return wrapper


@pytest.mark.parametrize("how", ["kill -9 $$", "echo 'fatal: Out of memory' >&2; exit 128"])
def test_a_failure_of_git_is_not_taken_for_no_repository(tmp_path: Path, how: str) -> None:
    """Edge case 61: without its work tree, a checked-out branch would move beneath it."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    passing = open_repository(work.path, executable=str(failing_git(tmp_path / "once", 1, how)))
    assert passing.work_tree == str(work.path)
    with pytest.raises(GitAlignError):
        open_repository(work.path, executable=str(failing_git(tmp_path / "always", 10_000, how)))
