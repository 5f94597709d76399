"""Which files branches, tasks and resolvers may change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.access import AccessProfile
from gitalign.core.outcome import Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.engine.gates.access import decided
from gitalign.errors import ConfigError
from tests import warm
from tests.git.workspace import Workspace

PROFILES = [
    {"id": "docs", "branches": ["docs/*", "batch/*/docs"], "allowed": ["docs/", "*.md"], "blocked": ["docs/keys/"]},
    {"id": "closed", "branches": ["closed"]},
]


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"src/a.py": b"a = 1\n", "docs/a.md": b"a\n"})
    for branch, name in (
        ("docs/good", "docs/b.md"),
        ("docs/src", "src/b.py"),
        ("docs/keys", "docs/keys/id.md"),
        ("closed", "README"),
        ("free", "src/c.py"),
    ):
        space.switch(branch, "main")
        space.commit(branch, {name: b"b\n", **({"docs/c.md": b"c\n"} if branch == "docs/src" else {})})
    space.switch("docs/renamed", "main")
    space.git("mv", "src/a.py", "docs/a.py")
    space.commit("renamed")
    space.switch("main")
    space.commit("more", {"other": b"1\n"})
    return space


def run(here: Workspace, **more: Any) -> Report:
    request = facade.Request(repo=here.path, overrides={"access.profiles": PROFILES, **more})
    return facade.run(request, permit=Permit(plan_id="*", given_by="test"))


def test_a_branch_that_changes_what_it_may_not_is_not_published(here: Workspace) -> None:
    before = {name: here.tip(name) for name in ("docs/src", "docs/keys", "docs/renamed", "closed")}
    report = run(here)
    outcomes = {str(one.step.branch.name): one.result.outcome for one in report.branches()}
    refused = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Failed)}
    assert refused.keys() == before.keys()
    assert {outcome.code for outcome in refused.values()} == {"file_not_allowed"}
    assert refused["docs/src"].reason == "it changes src/b.py, which profile docs does not allow"
    assert "docs/keys/id.md" in refused["docs/keys"].reason
    assert "src/a.py" in refused["docs/renamed"].reason
    assert "README" in refused["closed"].reason
    assert {name: here.tip(name) for name in before} == before
    log = [
        json.loads(line)
        for line in (here.path / f".git/gitalign/runs/{report.run.id}/access.jsonl").read_text().splitlines()
    ]
    assert {(one["branch"], one["path"]): one["allowed"] for one in log} == {
        ("docs/good", "docs/b.md"): True,
        ("docs/src", "docs/c.md"): True,
        ("docs/src", "src/b.py"): False,
        ("docs/keys", "docs/keys/id.md"): False,
        ("docs/renamed", "docs/a.py"): True,
        ("docs/renamed", "src/a.py"): False,
        ("closed", "README"): False,
    }


def test_a_branch_that_no_profile_names_may_change_everything(here: Workspace) -> None:
    before = here.tip("free")
    run(here)
    assert here.tip("free") != before


def test_what_is_blocked_is_blocked_whatever_is_allowed() -> None:
    profile = AccessProfile(id="x", branches=("*",), allowed=("*",), blocked=("*.pem", "secrets/"))
    paths = ["a.py", "deep/key.pem", "secrets/a", "secrets.md", "caf\udce9"]
    assert [one.is_allowed for one in decided(profile, paths)] == [True, False, False, True, True]


@pytest.mark.parametrize(
    "profile",
    [{"id": "", "branches": ["x"]}, {"id": "x", "branches": []}, {"id": "x", "branches": ["x"], "allowed": ["!a"]}],
)
def test_faults_of_profiles_are_named(here: Workspace, profile: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"access\.profiles"):
        facade.plan(facade.Request(repo=here.path, overrides={"access.profiles": [profile]}))


def test_a_task_that_changes_what_it_may_not_does_not_land(here: Workspace, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"access": {"profiles": PROFILES}}))
    tasks = tmp_path / "tasks.yaml"
    tasks.write_text(
        json.dumps(
            {
                "target": "main",
                "defaults": {"commit_leftovers": True},
                "tasks": [
                    {"id": "docs", "shell": "echo b > docs/new.md; echo b > src/new.py"},
                    {"id": "free", "shell": "echo b > src/free.py"},
                ],
            }
        )
    )
    before = here.tip("main")
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    words = ("batch", "run", tasks, "--yes", "--confinement", "none", "--config", config)
    done = warm.run(*words, cwd=here.path, env=env)
    assert done.returncode == 1, done.stderr
    assert "src/new.py, which profile docs does not allow" in done.stdout
    assert here.tip("main") == before
