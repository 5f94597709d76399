"""Files that checks, tasks and resolvers must not even read."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.run_batches import run_batches
from gitalign.core.access import AccessProfile, AccessRules
from gitalign.core.outcome import Conflicted, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.engine.runtime.signals import StopSignal
from tests import needs, warm
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.trees import make_world
from tests.git.workspace import Workspace

SECRET = b"the key is 4711\n"
PROFILES = [{"id": "guest", "branches": ["guest", "batch/*/guest"], "allowed": ["*"], "hidden": ["keys/", "*.pem"]}]
LOOK = """
import pathlib, subprocess, sys
from os import environ
repository, secret = environ["WHERE"], "47" + "11"
found = []
for place in (pathlib.Path("."), pathlib.Path(repository), pathlib.Path("/dev/shm")):
    for file in place.rglob("*"):
        if file.is_file() and secret.encode() in file.read_bytes()[:9999]:
            found.append(str(file))
for words in (["log", "-p", "--all"], ["grep", secret, "HEAD"], ["cat-file", "--batch-all-objects", "--batch"],
              ["--git-dir", repository + "/.git", "cat-file", "--batch-all-objects", "--batch"]):
    done = subprocess.run(["git", *words], capture_output=True)
    if secret.encode() in done.stdout:
        found.append(" ".join(words))
print("FOUND", found)
sys.exit(1 if found or pathlib.Path("keys/id").exists() or not pathlib.Path("src/a.py").exists() else 0)
"""


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    needs.bubblewrap(tmp_path)
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"src/a.py": b"a = 1\n", "keys/id": SECRET, "deep/b.pem": SECRET, "same.txt": b"x\n"})
    for branch in ("guest", "free"):
        space.switch(branch, "main")
        space.commit(branch, {f"src/{branch}.py": b"b\n"})
    space.switch("main")
    space.commit("more", {"other": b"1\n"})
    return space


def look() -> list[str]:
    return [sys.executable, "-c", LOOK]


def run(here: Workspace, **more: Any) -> Report:
    request = facade.Request(repo=here.path, overrides={"access.profiles": PROFILES, **more})
    return facade.run(request, permit=Permit(plan_id="*", given_by="test"))


def checks(here: Workspace, **more: Any) -> dict[str, Any]:
    return {
        "validation.checks": [{"name": "look", "command": look(), "environment": {"WHERE": str(here.path)}}],
        "validation.fail_on_new_only": False,
        "validation.rerun_failed": False,
        **{f"validation.{key}": value for key, value in more.items()},
    }


def test_checks_do_not_see_what_is_hidden_from_their_branch(here: Workspace) -> None:
    report = run(here, **checks(here))
    branches = {str(one.step.branch.name): one for one in report.branches()}
    guest = branches["guest"]
    assert guest.verdict is Verdict.ALIGNED, guest.result.validation.checks[0].output
    free = branches["free"].result  # the same check finds it where nothing is hidden: it can look
    assert isinstance(free.outcome, Failed)
    assert "keys/id" in free.validation.checks[0].output
    log = (here.path / f".git/gitalign/runs/{report.run.id}/access.jsonl").read_text().splitlines()
    read = {(one["branch"], one["path"], one["allowed"]) for one in map(json.loads, log) if one["action"] == "read"}
    assert read == {("guest", "deep/b.pem", False), ("guest", "keys/id", False)}


def test_where_nothing_can_be_hidden_a_check_is_not_run(here: Workspace) -> None:
    report = run(here, **checks(here, confinement="none"))
    (guest,) = [one for one in report.branches() if one.step.branch.name == "guest"]
    assert isinstance(guest.result.outcome, Failed)
    assert guest.result.outcome.code == "validation_not_possible"
    assert "needs bubblewrap" in guest.result.validation.checks[0].reason


def test_a_hidden_file_cannot_be_changed(here: Workspace) -> None:
    here.switch("guest")
    here.commit("change", {"keys/id": b"mine\n"})
    here.switch("main")
    (guest,) = [one for one in run(here).branches() if one.step.branch.name == "guest"]
    assert isinstance(guest.result.outcome, Failed)
    assert "keys/id" in guest.result.outcome.reason


def batch(here: Workspace, tmp_path: Path, *words: str, shell: str) -> tuple[int, str]:
    config, tasks = tmp_path / "config.yaml", tmp_path / "tasks.yaml"
    # What lands together is tested together: without what is hidden from any of the tasks.
    check = {"name": "unseen", "command": ["/bin/sh", "-c", "test ! -e keys/id && test ! -e .git && test -e src/a.py"]}
    settings = {"access": {"profiles": PROFILES}, "validation": {"checks": [check], "fail_on_new_only": False}}
    config.write_text(json.dumps(settings))
    listed = [
        {"id": "guest", "shell": shell},
        {"id": "free", "shell": "grep -q 4711 keys/id && git log -1 && touch free"},
    ]
    tasks.write_text(json.dumps({"target": "main", "defaults": {"commit_leftovers": True}, "tasks": listed}))
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = warm.run("batch", "run", tasks, "--yes", "--config", config, *words, cwd=here.path, env=env)
    return done.returncode, done.stdout + done.stderr


def test_a_task_works_with_git_and_never_sees_what_is_hidden(here: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    work = (
        'set -e; test -z "$(git status --porcelain)"; git log -1 --format=%s;'
        "git diff HEAD --quiet; echo new > src/new.py; git add -A; git commit -qm 'by the guest'; echo more >> same.txt;"
        f"WHERE={here.path} {sys.executable} {script}"
    )
    code, said = batch(here, tmp_path, "--readable", str(script), "--max-concurrency", "1", shell=work)
    logs = "".join(one.read_text() for one in (here.path / ".git/gitalign/batches").rglob("*.log"))
    assert code == 0, said + logs
    assert here.git("show", "main:keys/id").encode() + b"\n" == SECRET
    assert here.git("show", "main:src/new.py") == "new"
    assert here.git("show", "main:same.txt") == "x\nmore"
    assert "free" in here.git("ls-tree", "--name-only", "main").split()
    assert here.git("fsck", "--strict") == ""
    (log,) = (here.path / ".git/gitalign/batches").rglob("access.jsonl")
    read = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(one["branch"].rpartition("/")[2], one["path"], one["action"], one["allowed"]) for one in read} >= {
        ("guest", "keys/id", "read", False),
        ("guest", "deep/b.pem", "read", False),
    }


def test_a_task_is_not_run_where_nothing_can_be_hidden(here: Workspace, tmp_path: Path) -> None:
    before = here.tip("main")
    code, said = batch(here, tmp_path, "--confinement", "none", shell="touch ran")
    assert code == 1
    assert "profile guest hides files from it, which needs bubblewrap" in said
    assert here.tip("main") == before


def test_programs_that_resolve_conflicts_are_not_given_what_is_hidden(here: Workspace, tmp_path: Path) -> None:
    """The driver would settle both files; it is asked about one, and keeps what it was given."""
    for branch, line in (("free", b"of free\n"), ("main", b"of main\n")):
        here.switch(branch)
        here.commit(f"change in {branch}", {"src/a.py": line, "keys/id": SECRET + line})
    driver = {"name": "mine", "command": ["/bin/sh", "-c", "cat %A %B > both; mv both %A"]}
    settings = {"resolutions.rungs": ["driver"], "resolutions.driver": driver}
    (free,) = [one for one in run(here, **settings).branches() if one.step.branch.name == "free"]
    assert isinstance(free.result.outcome, Conflicted)
    here.switch("free")
    here.commit("as main has it", {"keys/id": SECRET + b"of main\n"})
    here.git("reset", "-q", "--soft", "main~2")
    here.commit("one commit")
    here.switch("main")
    (free,) = [one for one in run(here, **settings).branches() if one.step.branch.name == "free"]
    assert free.verdict is Verdict.ALIGNED, free.result.outcome


@pytest.mark.parametrize("confinement", ["prefer", "none"])
def test_doctor_says_whether_files_can_be_hidden(here: Workspace, confinement: str) -> None:
    overrides = {"access.profiles": PROFILES, "validation.confinement": confinement}
    (found,) = [
        one for one in facade.doctor(facade.Request(repo=here.path, overrides=overrides)) if one.check == "hidden files"
    ]
    assert found.ok is (confinement == "prefer")
    assert "guest" in found.detail


@pytest.mark.parametrize("confinement", ["prefer", "none"])
def test_what_makes_files_again_does_not_see_what_is_hidden(here: Workspace, confinement: str) -> None:
    for branch, line in (("free", b"of free\n"), ("main", b"of main\n")):
        here.switch(branch)
        here.commit(f"change in {branch}", {"same.txt": line})
    make = "test ! -e keys/id && test ! -e .git && ls src > same.txt"
    rule = {"name": "lister", "paths": ["same.txt"], "command": ["/bin/sh", "-c", make]}
    settings = {"resolutions.rungs": ["regenerate"], "resolutions.regenerate": [rule]}
    report = run(here, **settings, **{"validation.confinement": confinement})
    (free,) = [one for one in report.branches() if one.step.branch.name == "free"]
    if confinement == "none":
        assert isinstance(free.result.outcome, Conflicted)
        return
    assert free.verdict is Verdict.ALIGNED, free.result.outcome
    assert here.git("show", "free:same.txt").split() == ["a.py", "free.py"]


@pytest.mark.parametrize("place", ["task", "settle", "result"])
def test_a_killed_task_leaves_hidden_files_as_they_are_and_the_next_one_sees_its_own(
    tmp_path: Path, place: str
) -> None:
    bench = Bench.at(make_world(tmp_path, {"keys/id": SECRET.decode(), "a.txt": "a\n"}))
    rules = AccessRules((AccessProfile(id="guest", branches=("batch/*/guest",), allowed=("*",), hidden=("keys/",)),))
    confinement = needs.bubblewrap(Path(bench.world.repository.common_dir))

    def context(**more: Any) -> BatchContext:
        made = bench.context(max_concurrency=1, **more)
        return replace(made, access=rules, settings=replace(made.settings, confinement=confinement))

    bench.new(
        sh(
            "guest", "test ! -e keys; echo new > new; git add -A; git commit -qm guest; echo more >> a.txt", priority=-1
        ),
        sh("free", "test -s keys/id && test -e .git && echo free > free"),
    )
    assert killed_at(place, lambda check: run_batches(context(checkpoint=check), BATCH, None))
    bench.stop = StopSignal()
    run = run_batches(context(), BATCH, None)
    assert {name: one.status.value for name, one in run.tasks.items()} == {"guest": "completed", "free": "completed"}
    git = bench.world.git
    assert git("diff", "--name-status", "main", run.tasks["guest"].result or "") == "M\ta.txt\nA\tnew"
    assert git("diff", "--name-status", "main", run.tasks["free"].result or "") == "A\tfree"
    git("fsck", "--strict")
