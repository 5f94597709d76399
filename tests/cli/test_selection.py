"""What was asked names nothing: a misspelt glob, a repository without a target. Never a success, always what to type."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    return work


VERBS = ("plan", "run --yes", "forecast", "order", "conflicts", "categorize", "rules check --pack python")


def test_a_glob_that_matches_no_branch_is_a_fault(work: Workspace) -> None:
    for verb in VERBS:
        done = call(*verb.split(), "--only", "nosuch*", cwd=work.path)
        assert done.returncode == 2, (verb, done.stdout)
        assert "no branch matches 'nosuch*'" in done.stderr
        assert "next: git align plan --verbose" in done.stderr
    near = call("run", "--yes", "--only", "topik", cwd=work.path)
    assert near.returncode == 2
    assert "did you mean topic?" in near.stderr
    assert not (work.path / ".git/gitalign").exists()


def test_one_glob_of_several_may_match_nothing_but_a_name_must_be_there(work: Workspace) -> None:
    assert call("plan", "--only", "topic", "--only", "bugfix/*", cwd=work.path).returncode == 0
    assert call("plan", "--only", "topic", "--only", "bugfix/1", cwd=work.path).returncode == 2
    assert call("run", "--yes", "--quiet", cwd=work.path).returncode == 0
    undone = call("undo", "last", "--yes", "--only", "nosuch", cwd=work.path)
    assert undone.returncode == 2
    assert "moved no branch that matches nosuch" in undone.stderr


def test_a_repository_without_a_known_target_is_a_fault_and_the_next_command_works(work: Workspace) -> None:
    work.git("branch", "-m", "main", "Ünser trunk".replace(" ", "-"))
    for verb in VERBS[:2]:
        done = call(*verb.split(), cwd=work.path)
        assert done.returncode == 2, (verb, done.stdout)
        assert "there is no target branch here" in done.stderr
    hint = done.stderr.partition("for example: ")[2].partition("   ")[0]
    assert call(*shlex.split(hint)[2:], cwd=work.path).returncode == 0
    status = call(cwd=work.path)
    assert status.returncode == 2
    assert "there is no target branch here" in status.stdout
    assert status.stdout.rstrip().partition("for example: ")[2].startswith(hint)


def test_a_repository_without_any_branch_says_so(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = call("run", "--yes", cwd=tmp_path)
    assert done.returncode == 2
    assert "no branch yet" in done.stderr


def test_the_library_gives_an_empty_plan(work: Workspace) -> None:
    made = facade.plan(facade.Request(repo=work.path, only=("nosuch*",)))
    assert made.steps == ()


def test_a_branch_that_its_work_tree_holds_back_is_named_and_is_no_success(work: Workspace) -> None:
    work.switch("topic")
    (work.path / "own").write_bytes(b"changed\n")
    for more in ((), ("--only", "topic")):
        done = call("run", "--yes", *more, cwd=work.path)
        assert done.returncode == 1, done.stdout
        assert "held back: 1 branch" in done.stdout
        assert "whichisdirty" in "".join(done.stdout.split())
    work.git("checkout", "-q", "-f", "topic")
    work.git("rebase", "-q", "main")
    (work.path / "own").write_bytes(b"changed\n")
    assert call("run", "--yes", cwd=work.path).returncode == 0
