"""A fresh clone, whose branches are all the remote's: verbs that move nothing take those, and say so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitalign.cli.working_set import with_values
from tests import warm
from tests.git.workspace import Workspace

LINES = b"".join(b"line %d\n" % number for number in range(30))
ONLY_REMOTE = "There is no local branch to align: these are the branches of origin, as this clone knows them."


def call(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return warm.run(*words, cwd=cwd)


@pytest.fixture
def clone(tmp_path: Path) -> Workspace:
    """A clone whose remote has a branch that aligns, one that stops, a release, and one of a bot."""
    upstream = Workspace(tmp_path / "upstream")
    upstream.commit("base", {"list": LINES})
    upstream.git("branch", "release-1.0")
    upstream.git("branch", "dependabot/pip/x")
    upstream.switch("clean", "main")
    upstream.commit("clean", {"own": b"1\n"})
    upstream.switch("clash", "main")
    upstream.commit("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    upstream.switch("main")
    upstream.commit("main", {"list": LINES.replace(b"line 3\n", b"three\n")})
    subprocess.run(["git", "clone", "-q", str(upstream.path), str(tmp_path / "clone")], check=True)
    work = Workspace(tmp_path / "clone")
    return work


def branches(document: Any) -> set[str]:
    return {step["branch"]["name"] for step in document["steps"]}


def test_a_fresh_clone_says_where_its_branches_are(clone: Workspace) -> None:
    before = clone.git("for-each-ref")
    status = call(cwd=clone.path).stdout
    assert "2 branches exist only on origin: git align plan --remote" in status
    assert status.rstrip().endswith("git align plan --remote")
    planned = call("plan", cwd=clone.path)
    assert ONLY_REMOTE in planned.stdout
    assert "2 to rebase" in planned.stdout
    document = json.loads(call("plan", "--json", cwd=clone.path).stdout)
    assert document["snapshot"]["branches_of"] == "origin"
    assert branches(document) == {"clean", "clash"}
    assert {one["branch"]: one["code"] for one in document["excluded"]} == {
        "main": "is_target",
        "release-1.0": "long_lived",
        "dependabot/pip/x": "bot",
    }
    assert clone.git("for-each-ref") == before


def test_every_verb_that_moves_nothing_takes_them(clone: Workspace) -> None:
    before = clone.git("for-each-ref")
    forecast = call("forecast", cwd=clone.path)
    assert (forecast.returncode, ONLY_REMOTE in forecast.stdout) == (1, True)
    assert "clash" in call("conflicts", cwd=clone.path).stdout
    assert {
        one["branch_name"] for one in json.loads(call("categorize", "--json", cwd=clone.path).stdout)["branches"]
    } == {
        "clean",
        "clash",
    }
    assert json.loads(call("order", "--json", cwd=clone.path).stdout)["batches"][0]["members"] == ["clean"]
    assert "clean" in call("rules", "check", "--pack", "python", cwd=clone.path).stdout
    assert clone.git("for-each-ref") == before


def test_local_branches_come_first_and_the_others_are_counted(clone: Workspace) -> None:
    clone.git("branch", "--no-track", "mine", "origin/clean")
    planned = call("plan", cwd=clone.path).stdout
    assert "2 branches exist only on origin: git align plan --remote" in planned
    assert branches(json.loads(call("plan", "--json", cwd=clone.path).stdout)) == {"mine"}
    for words in (
        ("plan", "--remote", "--json"),
        ("plan", "--json", "--remote", "origin"),
        ("plan", "--json", "--remote="),
    ):
        assert branches(json.loads(call(*words, cwd=clone.path).stdout)) == {"clean", "clash"}, words


def test_a_remote_that_is_not_there(clone: Workspace) -> None:
    done = call("plan", "--remote", "elsewhere", cwd=clone.path)
    assert done.returncode == 2
    assert "add --fetch" in done.stderr


def test_fetch_brings_all_branches_and_nothing_local_moves(clone: Workspace, tmp_path: Path) -> None:
    """Edge case 52."""
    upstream = Workspace(tmp_path / "upstream")
    upstream.switch("late", "main")
    upstream.commit("late", {"late": b"1\n"})
    local = clone.git("for-each-ref", "refs/heads")
    document = json.loads(call("plan", "--remote", "--fetch", "--json", cwd=clone.path).stdout)
    assert "late" in branches(document)
    assert clone.git("for-each-ref", "refs/heads") == local


def test_a_run_of_such_a_plan_needs_leave_to_write_there(clone: Workspace, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert call("plan", "--remote", "--save", str(saved), cwd=clone.path).returncode == 0
    before = clone.git("for-each-ref")
    done = call("run", "--yes", "--plan", str(saved), cwd=clone.path)
    assert done.returncode == 2
    assert "would write to origin" in done.stderr
    assert clone.git("for-each-ref") == before


def test_a_mirror_and_a_bare_clone_have_their_branches_at_home(clone: Workspace, tmp_path: Path) -> None:
    upstream = str(tmp_path / "upstream")
    for kind in ("--mirror", "--bare"):
        place = tmp_path / f"clone{kind}.git"
        subprocess.run(["git", "clone", "-q", kind, upstream, str(place)], check=True)
        document = json.loads(call("plan", "--json", cwd=place).stdout)
        assert document["snapshot"]["branches_of"] is None
        assert branches(document) == {"clean", "clash"}


def test_the_option_may_go_without_a_value() -> None:
    assert with_values(["plan", "--remote"]) == ["plan", "--remote="]
    assert with_values(["plan", "--remote", "-v"]) == ["plan", "--remote=", "-v"]
    assert with_values(["plan", "--remote", "fork"]) == ["plan", "--remote", "fork"]
    assert with_values(["x", "--", "--remote"]) == ["x", "--", "--remote"]
