"""Branches that the repository itself says are long-lived, and feature branches that belong to another line than the targets."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Plan
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace

WORKFLOW = b"""# a comment
name: CI
"on":
  push:
    branches:
    - main
    - platform

  # another comment
jobs: {build: [*not-read
"""


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    return work


def _branch(work: Workspace, name: str, start: str) -> None:
    """A branch with a commit of its own, without touching the work tree."""
    made = work.git("commit-tree", f"{start}^{{tree}}", "-p", start, "-m", name)
    work.git("update-ref", f"refs/heads/{name}", made)


def _excluded(made: Plan) -> dict[str, str]:
    return {one.branch: f"{one.code}: {one.reason}" for one in made.excluded if one.code != "is_target"}


def test_files_of_the_primary_branch_and_configuration_name_long_lived_branches(work: Workspace) -> None:
    for name in ("platform", "guarded", "shown", "line/1", "topic"):
        _branch(work, name, "main")
    work.git("config", "gitflow.prefix.support", "line/")
    work.commit(
        "files",
        {
            ".github/workflows/ci.yml": WORKFLOW,
            ".github/settings.yml": b"branches: [{name: guarded, protection: {x: 1}}]\n",
            ".gitlab-ci.yml": b"a: {only: [shown]}\n",
        },
    )
    made = facade.plan(facade.Request(repo=work.path))
    assert [step.branch.name for step in made.steps] == ["topic"]
    ask = "; name it with --only, or as a target"
    assert _excluded(made) == {
        "platform": f"long_lived: is named by .github/workflows/ci.yml{ask}",
        "guarded": f"long_lived: is protected by .github/settings.yml{ask}",
        "shown": f"long_lived: is named by .gitlab-ci.yml{ask}",
        "line/1": f"long_lived: is a support branch of git-flow (gitflow.prefix.support){ask}",
    }
    named = facade.plan(facade.Request(repo=work.path, only=("platform",)))
    assert [step.branch.name for step in named.steps] == ["platform"]
    work.switch("topic")  # what the branch that is checked out says does not count
    assert _excluded(facade.plan(facade.Request(repo=work.path))).keys() == _excluded(made).keys()


def test_a_broken_file_is_named_and_takes_nothing_with_it(work: Workspace) -> None:
    _branch(work, "guarded", "main")
    work.commit(
        "files",
        {
            ".asf.yaml": b"github: {protected_branches: {guarded: {}}}\n",
            ".gitlab-ci.yml": b"a: &a [*a]\n",
            ".mergify.yml": b"\xff\xfe\x00",
            ".github/settings.yml": b"a: " + b"[" * 3_000,
            ".github/rulesets/x.json": b'{"rules":',
            "bors.toml": b"[",
            ".github/workflows/huge.yml": b"#" * 200_000,
            ".github/workflows/bomb.yml": b"on: " + b"".join(b"\n  a%d: &a%d [%b]" % (i, i, b"*a%d," % (i - 1) * 9 if i else b"1") for i in range(9)),
        },
    )  # fmt: skip
    (work.path / ".github/workflows/link.yml").symlink_to("/etc/passwd")
    work.commit("link")
    done = call("plan", cwd=work.path)
    assert done.returncode == 0, done.stderr
    assert "Not read for long-lived branches: .github/rulesets/x.json: " in done.stdout
    assert "and 4 more." in done.stdout
    assert "guarded is protected by .asf.yaml" in " ".join(done.stdout.split())


def test_the_queue_of_bors_is_no_target(work: Workspace) -> None:
    _branch(work, "staging", "main")
    _branch(work, "topic", "staging")
    assert "staging (usual name)" in call("plan", cwd=work.path).stdout
    work.commit("bors", {"bors.toml": b'status = ["ci"]\n'})
    made = facade.plan(facade.Request(repo=work.path))
    assert [target.name for target in made.targets] == ["main"]
    assert "staging" in _excluded(made)


def test_a_branch_of_another_line_is_left_where_it_belongs_and_the_line_to_type_works(work: Workspace) -> None:
    _branch(work, "release-1.0", "main")
    _branch(work, "backport", "release-1.0")
    _branch(work, "topic", "main")
    _branch(work, "release-1.0", "release-1.0")  # the line goes on
    work.commit("main goes on", {"m": b"m\n"})
    made = facade.plan(facade.Request(repo=work.path))
    assert [step.branch.name for step in made.steps] == ["topic"]
    reason = _excluded(made)["backport"]
    assert reason.startswith("other_line: is based on release-1.0, which is not a target")
    line = shlex.split(reason.partition("with that: ")[2])
    document = json.loads(call("plan", "--json", *line, cwd=work.path).stdout)
    assert [(step["branch"]["name"], step["target"]["name"]) for step in document["steps"]] == [
        ("backport", "release-1.0")
    ]
    alone = facade.plan(facade.Request(repo=work.path, only=("backport",)))
    assert alone.steps == ()
    typed = facade.plan(facade.Request(repo=work.path, only=("backport",), overrides={"alignment.targets": ["main"]}))
    assert {step.branch.name: step.target.name for step in typed.steps} == {"backport": "main"}
    both = facade.plan(facade.Request(repo=work.path, overrides={"alignment.targets": ["main", "release-1.0"]}))
    assert {step.branch.name: step.target.name for step in both.steps} == {"topic": "main", "backport": "release-1.0"}


def test_a_line_that_only_the_remote_has(work: Workspace, tmp_path: Path) -> None:
    _branch(work, "release-1.0", "main")
    clone = Workspace(tmp_path / "clone")
    clone.git("fetch", "-q", str(work.path), "+refs/heads/*:refs/remotes/origin/*")
    clone.git("reset", "-q", "--hard", "refs/remotes/origin/main")
    _branch(clone, "backport", "refs/remotes/origin/release-1.0")
    made = facade.plan(facade.Request(repo=clone.path))
    assert (made.steps, list(_excluded(made))) == ((), ["backport"])


def test_a_merge_of_a_line_does_not_make_a_branch_one_of_it(work: Workspace) -> None:
    _branch(work, "release-1.0", "main")
    _branch(work, "merge-up", "main")
    made = work.git("commit-tree", "main^{tree}", "-p", "merge-up", "-p", "release-1.0", "-m", "merge the release")
    work.git("update-ref", "refs/heads/merge-up", made)
    plan = facade.plan(facade.Request(repo=work.path))
    assert [step.branch.name for step in plan.steps] == ["merge-up"]


def test_files_that_are_missing_are_named_and_other_failures_are_no_answer(work: Workspace) -> None:
    _branch(work, "topic", "main")
    work.commit("files", {".github/workflows/ci.yml": WORKFLOW})
    tree = work.tip("main:.github")
    (work.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    made = facade.plan(facade.Request(repo=work.path))
    assert made.snapshot.unread == (f"the files of {work.tip('main')[:12]}: object {tree[:12]} is missing",)
    assert [step.branch.name for step in made.steps] == ["topic"]
