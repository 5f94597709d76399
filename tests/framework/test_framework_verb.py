"""The verbs of `framework`, its scripts and modules, and adding it to branches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.run import RunState
from gitalign.framework.contents import FOLDER, MODULES
from tests import warm
from tests.git.workspace import Workspace


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    for branch in ("topic", "other", "mine"):
        space.git("branch", branch)
    return space


def verb(here: Workspace, *words: object, code: int = 0) -> Any:
    done = warm.run("framework", *words, cwd=here.path)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_status_says_what_is_there(here: Workspace) -> None:
    assert "not installed" in verb(here, "status").stdout
    verb(here, "install")
    assert "mode minimal, installation 1" in verb(here, "status").stdout
    (here.path / FOLDER / "modules/conflict_detector.py").unlink()
    (here.path / FOLDER / "install.sh").write_text("changed")
    said = json.loads(verb(here, "status", "--json", code=1).stdout)
    assert (said["format"], said["changed"], said["missing"]) == (
        "git-align/framework",
        [f"{FOLDER}/install.sh"],
        [f"{FOLDER}/modules/conflict_detector.py"],
    )


def test_a_commit_is_added_to_branches_without_a_work_tree_and_taken_back(here: Workspace) -> None:
    start = {branch: here.tip(branch) for branch in ("topic", "other", "main")}
    (here.path / "file").write_text("at work\n")
    done = verb(here, "merge-to-branch", "topic", "other", "main", "--mode", "full", "--yes", code=1)
    assert "git align undo" in done.stdout
    assert here.tip("main") == start["main"]
    for branch in ("topic", "other"):
        assert here.git("rev-parse", f"{branch}^") == start[branch]
        assert here.git("diff", "--name-only", "--diff-filter=A", f"{branch}^", branch).count(FOLDER) == 7
        assert here.git("ls-tree", branch, f"{FOLDER}/install.sh").startswith("100755 blob")
    assert (here.path / "file").read_text() == "at work\n"
    assert here.git("status", "--porcelain") == "M file" or here.git("status", "--porcelain") == " M file"
    assert here.git("fsck", "--strict") == ""
    verb(here, "merge-to-branch", "topic", "other", "--mode", "full", "--yes")
    assert warm.run("undo", "last", "--yes", cwd=here.path).returncode == 0
    assert {branch: here.tip(branch) for branch in start} == start


def test_what_a_branch_has_of_its_own_is_not_replaced_without_a_backup(here: Workspace) -> None:
    here.switch("mine")
    own = here.commit("own", {f"{FOLDER}/install.sh": b"mine", f"{FOLDER}/config.json": b'{"team": "blue"}'})
    here.switch("main")
    done = verb(here, "merge-to-branch", "mine", "--yes", code=1)
    assert "would be replaced" in done.stdout
    assert here.tip("mine") == own
    verb(here, "merge-to-branch", "mine", "--backup", "--yes")
    assert here.tip("backup-mine-pre-align") == own
    assert here.git("show", f"mine:{FOLDER}/install.sh") != "mine"
    assert json.loads(here.git("show", f"mine:{FOLDER}/config.json"))["team"] == "blue"
    verb(here, "merge-to-branch", "mine", "--mode", "full", "--yes")  # what it wrote itself it may replace


def test_a_smaller_mode_removes_modules_and_a_target_is_named_before_anything_is_asked(here: Workspace) -> None:
    verb(here, "merge-to-branch", "topic", "--mode", "full", "--yes")
    modules = f"topic:{FOLDER}/modules"
    assert "constitutional_analyzer.py" in here.git("ls-tree", "--name-only", modules)
    done = verb(here, "merge-to-branch", "topic", "main", "--dry-run", code=1)
    assert "topic: 0 new files, 2 replaced, 1 removed" in done.stdout
    assert "main: it is a target or protected: never moved" in done.stdout
    verb(here, "merge-to-branch", "topic", "--yes")
    names = here.git("ls-tree", "--name-only", modules).split()
    assert names == ["conflict_detector.py", "resolution_engine.py"]
    manifest = json.loads(here.git("show", f"topic:{FOLDER}/manifest.json"))
    assert len(manifest["files"]) == 5
    before = here.tip("main")
    verb(here, "merge-to-branch", "main", "--yes", code=1)
    assert here.tip("main") == before


def test_what_is_in_the_way_is_named(here: Workspace) -> None:
    here.switch("mine")
    own = here.commit("own", {FOLDER: b"a file"})
    here.switch("main")
    done = verb(here, "merge-to-branch", "mine", "--backup", "--json", code=1)
    (addition,) = json.loads(done.stdout)["branches"]
    assert addition["refusal"] == f"{FOLDER} is in the way there"
    assert here.tip("mine") == own


def test_a_branch_that_is_checked_out_takes_its_clean_work_tree_along(here: Workspace) -> None:
    here.switch("topic")
    verb(here, "merge-to-branch", "topic", "--yes")
    assert (here.path / FOLDER / "install.sh").exists()
    assert here.git("status", "--porcelain") == ""


@pytest.mark.parametrize("words", [("merge-to-branch", "nosuch"), ("merge-to-branch",), ("rollback",), ("uninstall",)])
def test_what_cannot_be_done_says_the_next_step(here: Workspace, words: tuple[str, ...]) -> None:
    assert "next:" in verb(here, *words, code=2).stderr


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has this git-align."""
    folder = tmp_path / "bin"
    folder.mkdir()
    place = folder / "git-align"
    place.write_text(f'#!/bin/sh\nexec {sys.executable} -m gitalign "$@"\n')
    place.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_scripts_in_the_folder_do_what_the_verbs_do(here: Workspace, program: dict[str, str]) -> None:
    verb(here, "install")
    folder = here.path / FOLDER

    def script(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["sh", str(folder / words[0]), *words[1:]],
            env=program,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    script("install.sh", "full")
    assert json.loads((folder / "config.json").read_text())["mode"] == "full"
    script("install.sh", "--mode", "custom", "--modules", "conflict_detector")
    assert [place.name for place in (folder / "modules").iterdir()] == ["conflict_detector.py"]
    assert "not a mode" in script("install.sh", "tiny", code=2).stderr
    script("merge_to_branch.sh", "--target", "topic", "--mode", "minimal", "--backup", "--yes")
    assert here.git("show", "--name-only", "--format=", "topic").count(FOLDER) == 6
    assert "name the branch" in script("merge_to_branch.sh", "--yes", code=2).stderr


def test_modules_run_alone(here: Workspace, program: dict[str, str]) -> None:
    verb(here, "install", "--mode", "full")
    settings = here.path / ".git/gitalign/config.yaml"
    settings.write_text("rules: {packs: [python]}\n")
    code = (
        "import importlib.util, json, sys\n"
        "spec = importlib.util.spec_from_file_location('module', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(json.dumps(getattr(module, sys.argv[2])()))\n"
    )
    formats = {"conflicts": "conflicts", "rules": "house-rules", "resolve": "resolutions-under-way"}
    for module in MODULES:
        place = here.path / FOLDER / f"modules/{module.name}.py"
        asked = [sys.executable, "-c", code, str(place), module.function]
        done = subprocess.run(asked, env=program, capture_output=True, text=True, cwd="/", check=True)
        assert json.loads(done.stdout)["format"] == f"git-align/{formats[module.verb[0]]}"


def test_scripts_are_plain_sh(here: Workspace) -> None:
    verb(here, "install")
    scripts = [str(place) for place in (here.path / FOLDER).rglob("*.sh") if "after" not in place.parts]
    assert len(scripts) == 3
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)
        assert b"bash" not in Path(script).read_bytes()


@pytest.mark.parametrize("effect", ["journal", "pin", "refs moved", "end"])
def test_killed_at_any_moment_an_addition_is_finished_or_taken_back(here: Workspace, effect: str) -> None:
    branches = ("topic", "other")
    start = [here.tip(branch) for branch in branches]
    assert warm.call("tests.engine.rehearsal:main", here.path, "framework topic other", effect).returncode == -9
    request = facade.Request(repo=here.path)
    facade.resume(request)
    (record,) = facade.runs(request)
    is_done = effect != "journal"
    assert record.state is (RunState.FINISHED if is_done else RunState.FAILED)
    assert [here.git("rev-parse", f"{branch}~{int(is_done)}") for branch in branches] == start
    assert here.git("fsck", "--strict", "--no-dangling") == ""
    verb(here, "merge-to-branch", *branches, "--mode", "full", "--yes")
    assert warm.run("undo", "last", "--yes", cwd=here.path).returncode == 0
    assert [here.tip(branch) for branch in branches] == start
