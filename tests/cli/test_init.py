"""`init` finds what is there, writes a file that loads and changes nothing, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gitalign import facade
from gitalign.configuration.load import load_config
from gitalign.core.test_commands import test_commands as commands_in
from tests import warm
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit(
        "base", {"f": b"a\n", "pyproject.toml": b"[tool.pytest.ini_options]\n", "Makefile": b"all:\n\ntest: all\n"}
    )
    for name in ("develop", "topic", "release/1.0", "dependabot/npm/x", "6.4"):
        work.switch(name, "main")
        work.commit(name, {name.replace("/", "-"): b"x\n"})
    work.switch("main")
    work.git("remote", "add", "up", "nowhere.invalid:x")
    work.git("update-ref", "refs/remotes/up/main", "main")
    return work


def test_what_is_found_is_shown_and_written_and_changes_nothing(work: Workspace) -> None:
    place = work.path / ".git" / "gitalign" / "config.yaml"
    before = facade.plan(facade.Request(repo=work.path))
    printed = warm.run("init", "--dry-run", cwd=work.path)
    assert printed.returncode == 0, printed.stderr
    assert not place.exists()
    done = warm.run("init", cwd=work.path)
    assert done.returncode == 0, done.stderr
    for words in (
        "main",
        "develop",
        "up",
        "dependabot/npm/x; never moved",
        "6.4",
        "release/1.0",
        "python3 -m pytest -q (pyproject.toml)",
    ):
        assert words in done.stdout, words
    assert place.read_text() == printed.stdout
    assert facade.plan(facade.Request(repo=work.path)).id == before.id
    assert load_config(file=place, git_dir=None, environ={}, overrides={}).alignment.targets == ("main", "develop")
    again = warm.run("init", cwd=work.path)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert place.read_text() == printed.stdout


def test_each_setting_that_is_a_comment_loads_once_it_is_none(work: Workspace, tmp_path: Path) -> None:
    text = warm.run("init", "--dry-run", cwd=work.path).stdout
    lines = [
        line.replace("# ", "", 1)
        for line in text.splitlines()
        if line.strip("# ").endswith(":") or ": [" in line or ': "' in line
    ]
    kept = [line for line in lines if not line.lstrip().startswith("Found")]
    place = tmp_path / "all.yaml"
    place.write_text("\n".join(kept))
    config = load_config(file=place, git_dir=None, environ={}, overrides={})
    assert set(yaml.safe_load(place.read_text())) == {"alignment", "validation"}
    assert config.validation.test_command == ("python3", "-m", "pytest", "-q")
    assert config.alignment.remote == "up"


def test_a_bare_repository_and_one_without_a_target(work: Workspace, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    work.git("clone", "-q", "--bare", str(work.path), str(bare))
    done = warm.run("init", "--json", cwd=bare)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["file"] == str(bare / "gitalign" / "config.yaml")
    assert document["test_commands"][0]["file"] == "pyproject.toml", "read from the target's commit"
    empty = Workspace(tmp_path / "empty")
    empty.commit("base", {"f": b"a\n"})
    empty.git("branch", "-m", "main", "odd")
    place = tmp_path / "own.yaml"
    done = warm.run("init", "--output", place, cwd=empty.path)
    assert done.returncode == 0, done.stderr
    load_config(file=place, git_dir=None, environ={}, overrides={})
    assert not (empty.path / ".git" / "gitalign" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": '{"scripts": {"test": "jest"}}'}, "npm test"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, None),
        ({"package.json": "[]"}, None),
        ({"package.json": "{"}, None),
        (
            {"pyproject.toml": '[project]\nname = "x"\n[dependency-groups]\ndev = ["pytest>=8"]\n'},
            "python3 -m pytest -q",
        ),
        ({"pyproject.toml": "[project]\n", "Cargo.toml": ""}, "cargo test"),
        ({"go.mod": "module x"}, "go test ./..."),
        ({"Makefile": "check:\n\techo\n"}, "make check"),
        ({"Makefile": "test := x\n"}, None),
        ({}, None),
    ],
)
def test_commands_are_proposed_from_build_files(files: dict[str, str], words: str | None) -> None:
    assert [" ".join(one.words) for one in commands_in(files)] == ([words] if words else [])
