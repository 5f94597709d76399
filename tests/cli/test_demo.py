"""The demo as a new user sees it: what it says fits, and every command that it suggests has something to show."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from gitalign.cli.demo.history import sample
from tests import warm

ASKS_FIRST = ("push", "undo", "run", "prune")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo prints at 80 columns, and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = warm.run("demo", "--dir", "demo", cwd=folder.parent, env={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def test_it_fits_and_says_where_it_is(demo: tuple[str, Path]) -> None:
    words, folder = demo
    lines = words.splitlines()
    assert len(lines) <= 60
    assert [line for line in lines if len(line) > 80 and str(folder) not in line] == []
    assert f"rm -rf {folder}" in words
    assert sorted(path.name for path in folder.iterdir()) == ["remote.git", "sample", "work-in-progress"]
    for part in ("main", "scientific", "orchestration-tools", "tax/rounded", "wip/notes", "aligned in"):
        assert part in words


def test_every_suggested_command_shows_something(demo: tuple[str, Path]) -> None:
    """In the order in which they are suggested; the last one takes everything back, on the remote, too."""
    words, folder = demo
    suggested = [re.split(r"  +", line.strip())[0] for line in words.partition("Try next")[2].splitlines()]
    assert suggested[1] == f"cd {folder / 'sample'}"
    commands = [shlex.split(line)[2:] for line in suggested if line.startswith("git align")]
    assert len(commands) > 5
    branches = {name.encode() for name in sample(40).branches}
    before = subprocess.check_output(["git", "for-each-ref"], cwd=folder / "remote.git")
    pushed = before
    for command in commands:
        asks = ["--yes"] if command and command[0] in ASKS_FIRST else []
        done = warm.run(*command, *asks, cwd=folder / "sample", env={"COLUMNS": "80"})
        looks_for_conflicts = command[:1] in (["conflicts"], ["forecast"])
        assert done.returncode == (1 if looks_for_conflicts else 0), (command, done.stdout, done.stderr)
        named = [name for name in branches if name.decode() in done.stdout]
        assert len(named) > (1 if "show" not in command else 0), (command, done.stdout)
        if command == ["push"]:
            pushed = subprocess.check_output(["git", "for-each-ref"], cwd=folder / "remote.git")
    assert pushed != before
    assert subprocess.check_output(["git", "for-each-ref"], cwd=folder / "remote.git") == before


def test_the_clash_that_several_branches_share_is_one(demo: tuple[str, Path]) -> None:
    report = json.loads(warm.run("conflicts", "--json", cwd=demo[1] / "sample").stdout)
    assert [len(group["branches"]) for group in report["groups"]][:1] == [4]


@pytest.mark.parametrize("size", [20, 61])
def test_other_sizes(tmp_path: Path, size: int) -> None:
    done = warm.run("demo", "--dir", tmp_path / "a b", "--branches", size, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert Path(report["directory"]) == tmp_path / "a b" / "sample"
    assert report["counts"]["aligned"] >= 10
    assert report["counts"]["conflicted"] >= 6
    again = warm.run("demo", "--dir", tmp_path / "a b")
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_what_the_sample_holds_is_valid_python() -> None:
    code = sample(60).stream.decode()
    files = re.findall(r"^M 100644 inline (\S+\.py)\ndata (\d+)\n", code, re.MULTILINE)
    assert len(files) > 50
    data = sample(60).stream
    for match in re.finditer(rb"^M 100644 inline (\S+\.py)\ndata (\d+)\n", data, re.MULTILINE):
        compile(data[match.end() : match.end() + int(match[2])], match[1].decode(), "exec")
