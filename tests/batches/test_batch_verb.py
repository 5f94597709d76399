"""The verb `batch` at the command line: what is printed, what is asked, exit codes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitalign.documents.formats import FORMATS
from tests import warm
from tests.batches.trees import World, world

__all__ = ["world"]

TASKS = """target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: a, title: Make a, shell: "echo from-a; echo a > a", touches: [a]}
  - {id: b, shell: "echo b > b", needs: [a]}
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.yaml"
    path.write_text(TASKS)
    return path


def batch(world: World, *words: object, code: int | None = 0, **more: Any) -> Any:
    env = {"XDG_STATE_HOME": str(world.path.parent / "state")}
    done = warm.run("batch", *words, cwd=world.path, env=env, **more)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def document(text: str, name: str) -> Any:
    found = json.loads(text)
    assert {key: found[key] for key in FORMATS[name].stamp} == FORMATS[name].stamp
    return found


def test_plan_run_and_look(world: World, tasks: Path) -> None:
    shown = batch(world, "plan", tasks, "--verbose", "-o", world.path.parent / "plan.json").stdout
    assert "batch 0: 1 task" in shown
    assert "runs: /bin/sh -c 'echo from-a; echo a > a'" in shown
    assert "mode: sequential (no batch has more than one task)" in shown
    assert "critical path: a -> b" in shown
    saved = document((world.path.parent / "plan.json").read_text(), "batch-plan")
    assert [one["task_ids"] for one in saved["batches"]] == [["a"], ["b"]]
    assert batch(world, "list").stdout.startswith("no batch was run here yet")
    ran = batch(world, "run", world.path.parent / "plan.json", "--yes", "--confinement", "none")
    assert "echo from-a" in ran.stderr
    assert "confinement: not confined, as configured" in ran.stderr
    assert "2 of 2 batches landed" in ran.stdout
    run = document(batch(world, "status", "--json").stdout, "batch-run")
    assert run["status"] == "completed"
    assert world.git("show", "main:b") == "b"
    again = batch(world, "run", world.path.parent / "plan.json", "--yes", "--confinement", "none")
    assert "this plan has completed before; --again runs it again" in again.stdout
    (listed,) = document(batch(world, "list", "--json").stdout, "batch-runs")["batch_runs"]
    assert listed["id"] == run["id"]
    assert "from-a" in batch(world, "logs", "last", "a").stdout
    undone = warm.run("undo", run["batches"][1]["outcome"]["landing_run"], "--yes", "--json", cwd=world.path)
    assert undone.returncode == 0, undone.stderr
    assert not (world.path / "b").exists()
    taken_back = json.loads(undone.stdout)["run"]["id"]
    stands = document(batch(world, "status", "--json").stdout, "batch-run")
    (listed,) = document(batch(world, "list", "--json").stdout, "batch-runs")["batch_runs"]
    for one in (stands, listed):
        assert (one["status"], one["is_alive"]) == ("completed", False)
        assert [of_batch["undone_by"] for of_batch in one["batches"]] == ["", taken_back]


def test_nothing_is_executed_where_nobody_can_be_asked(world: World, tasks: Path) -> None:
    refused = batch(world, "run", tasks, code=2)
    assert "this would execute the commands of the plan, and there is no terminal to ask at" in refused.stderr
    assert "git align batch plan --verbose FILE" in refused.stderr
    assert "echo from-a" in refused.stderr
    assert batch(world, "list").stdout.startswith("no batch was run here yet")
    error = json.loads(batch(world, "run", tasks, "--json", code=2).stdout)["error"]
    assert error["code"] == "not_permitted"


def test_conflicts_are_shown_and_a_failed_run_is_retried(world: World, tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(
        'target = "main"\ndefaults = {commit_leftovers = true}\ntasks = [{id = "a", shell = "echo one > a.txt"}, {id = "b", shell = "echo two > a.txt"}]\n'
    )
    done = batch(world, "run", path, "--yes", "--confinement", "none", code=1)
    assert "batch 0: conflicts" in done.stdout
    assert "a.txt, line 1" in done.stdout
    assert "without them would land" in done.stdout
    assert "next: git align batch land" in done.stdout
    refused = batch(world, "retry", "last", code=2).stderr
    assert "this would run the failed tasks again, and there is no terminal to ask at" in refused
    assert "next: add --yes, or look at them first: git align batch status" in refused
    assert batch(world, "retry", "last", "zzz", "--yes", code=2).stderr.startswith("error: task zzz is not part of it")
    landed = batch(world, "land", "last", code=1)
    assert "conflicts" in landed.stdout
    part = batch(world, "land", "last", "--best-subset", code=1)
    assert "left out b: batch/" in part.stdout
    assert world.git("show", "main:a.txt") == "one"
    assert "git align batch retry" in part.stdout


def test_what_lands_is_pushed_and_taken_back(world: World, tasks: Path) -> None:
    before = world.tip
    remote = world.path.parent / "remote.git"
    world.git("clone", "-q", "--bare", str(world.path), str(remote))
    world.git("remote", "add", "origin", str(remote))
    world.git("fetch", "-q", "origin")
    world.git("branch", "-q", "-u", "origin/main", "main")
    where = ("run", tasks, "--yes", "--confinement", "none")
    refused = batch(world, *where, "--push", "--no-fetch", code=2).stderr
    assert "--no-fetch cannot be combined with --push" in refused
    remote.rename(remote.with_name("gone.git"))
    assert "--no-fetch" in batch(world, *where, code=3).stderr
    remote.with_name("gone.git").rename(remote)
    shown = batch(world, *where, "--push").stdout
    assert shown.count("pushed to origin/main") == 2
    there = ("--git-dir", str(remote), "rev-parse", "main")
    assert world.git(*there) == world.tip != before
    run = document(batch(world, "status", "--json").stdout, "batch-run")
    for one in reversed(run["batches"]):
        undone = warm.run("undo", one["outcome"]["landing_run"], "--push", "--yes", cwd=world.path)
        assert undone.returncode == 0, undone.stderr
    assert world.git(*there) == world.tip == before


def test_landing_is_left_for_later_and_done(world: World, tasks: Path) -> None:
    batch(world, "run", tasks, "--yes", "--confinement", "none", "--no-land", code=1)
    assert "git align batch land" in batch(world, "status").stdout
    assert ": waiting, 0 of 2" in batch(world, "status").stdout
    landed = batch(world, "land", "last", code=1)
    assert "1 of 2 batches landed" in landed.stdout
    assert "started" not in landed.stderr
    refused = batch(world, "land", "last", code=2).stderr
    assert "error: batch 1 cannot land yet: 1 of 1 tasks have not ended: b" in refused
    assert "next: git align batch resume" in refused
    assert "2 of 2 batches landed" in batch(world, "resume", "last").stdout


RETRIED = """target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: ok, shell: "echo ok > ok"}
  - {id: leak, shell: "exit 1", secrets: {TOK: {environment: MYSEC}}}
"""


def test_a_retry_keeps_what_landed_also_when_it_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text(RETRIED)
    env = {"XDG_STATE_HOME": str(world.path.parent / "state")}
    known = {**env, "MYSEC": "a-secret-of-some-length"}
    words = ("batch", "run", path, "--yes", "--confinement", "none", "--best-subset")
    assert warm.run(*words, cwd=world.path, env=known).returncode == 1
    before = document(batch(world, "status", "--json").stdout, "batch-run")
    landed = before["batches"][0]["outcome"]
    assert landed["landed"] == world.tip
    refused = batch(world, "retry", "last", "--yes", code=2).stderr
    assert "error: secret TOK: the variable MYSEC is not set" in refused
    now = document(batch(world, "status", "--json").stdout, "batch-run")
    assert {**now, "disk": None} == {**before, "disk": None}  # others use the disk, too
    again = warm.run("batch", "retry", "last", "--yes", cwd=world.path, env=known)
    assert again.returncode == 1
    assert "holds everything already" not in again.stdout
    after = document(batch(world, "status", "--json").stdout, "batch-run")["batches"][0]["outcome"]
    kept = ("landed", "landing_run", "merge_status")
    assert [after[one] for one in kept] == [landed[one] for one in kept]
    assert [one["task"] for one in after["left_out"]] == ["leak"]


def test_a_branch_that_is_not_here_is_refused_before_anything_runs(world: World, tmp_path: Path) -> None:
    world.git("branch", "workflow")
    path = tmp_path / "tasks.yaml"
    path.write_text("target: main\ntasks: [{id: a, shell: 'true'}, {id: w, branch: origin/workflow}]\n")
    for words in (("plan", path), ("run", path, "--yes", "--confinement", "none")):
        refused = batch(world, *words, code=2).stderr
        assert "task w: there is no branch origin/workflow in this repository; did you mean workflow?" in refused
    assert batch(world, "list").stdout.startswith("no batch was run here yet")


def test_a_run_is_paused_and_stopped_from_elsewhere(world: World, tmp_path: Path) -> None:
    path, go = tmp_path / "tasks.yaml", tmp_path / "go"
    waits = f"while ! test -e {go}; do sleep 0.05; done"
    path.write_text(f"target: main\ntasks: [{{id: a, shell: '{waits}'}}, {{id: b, shell: 'true', needs: [a]}}]\n")
    env = {"XDG_STATE_HOME": str(world.path.parent / "state")}
    running = warm.start("batch", "run", path, "--yes", "--confinement", "none", cwd=world.path, env=env)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and '"tree": "/' not in batch(world, "status", "--json", code=None).stdout:
        time.sleep(0.05)
    batch(world, "pause")
    shown = batch(world, "status").stdout
    assert ": paused, 0 of 2" in shown
    assert "next: git align batch resume" in shown
    assert "batch land" not in shown
    batch(world, "stop")
    go.touch()
    assert running.wait(30) == 130
    shown = batch(world, "status").stdout
    assert ": stopped, 1 of 2" in shown or ": stopped, 0 of 2" in shown
    assert "next: git align batch resume" in shown


def until(happens: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_cleanly_and_it_can_be_gone_on_with(
    world: World, tmp_path: Path, number: signal.Signals
) -> None:
    """The first has what the task has not committed pinned at once, and waits for it; the second ends it."""
    path, begun, go = tmp_path / "tasks.yaml", tmp_path / "begun", tmp_path / "go"
    script = f"echo w > w; touch {begun}; test -e {go} || sleep 60; echo end > end"
    path.write_text(f"target: main\ndefaults: {{commit_leftovers: true}}\ntasks: [{{id: a, shell: '{script}'}}]\n")
    env = {"XDG_STATE_HOME": str(world.path.parent / "state")}
    running = warm.start("batch", "run", path, "--yes", "--confinement", "none", cwd=world.path, env=env)
    until(begun.exists)
    os.kill(running.pid, number)
    pinned = world.path / ".git/refs/gitalign/wip"
    until(lambda: list(pinned.glob("*/a")))
    assert running.poll() is None
    (ref,) = world.git("for-each-ref", "--format=%(refname)", "refs/gitalign/wip").split()
    assert world.git("show", f"{ref}:w") == "w"
    os.kill(running.pid, number)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130
    assert errors.count("stopping: waiting for 1 running task; Ctrl-C again ends them\n") == 1
    view = document(batch(world, "status", "--json").stdout, "batch-run")
    assert view["tasks"]["a"]["status"] == "cancelled"
    assert world.git("show", f"{ref}:w") == "w"
    assert "end" not in world.git("ls-tree", "--name-only", ref).split()
    go.touch()
    batch(world, "resume", "last")
    assert world.git("show", "main:end") == "end"
    assert world.git("show", f"{ref}@1:w") == "w"


def test_a_log_is_followed_until_the_task_has_ended(world: World, tmp_path: Path) -> None:
    """Also past an attempt that is made again; what is shown is what the log holds in the end."""
    path, first, go = tmp_path / "tasks.yaml", tmp_path / "first", tmp_path / "go"
    script = (
        f"echo begin; while ! test -e {go}; do sleep 0.02; done; "
        f"test -e {first} || {{ touch {first}; exit 75; }}; echo end; printf last"
    )
    path.write_text(f"target: main\ntasks: [{{id: a, shell: '{script}', max_attempts: 2}}]\n")
    env = {"XDG_STATE_HOME": str(world.path.parent / "state")}
    running = warm.start("batch", "run", path, "--yes", "--confinement", "none", cwd=world.path, env=env)
    until(lambda: list((world.path / ".git/gitalign").glob("batches/*/logs/*")))
    seen = tmp_path / "seen"
    with seen.open("wb") as out:
        follows = warm.start("batch", "logs", "last", "a", "--follow", cwd=world.path, env=env, stdout=out.fileno())
        until(lambda: "begin\n" in seen.read_text())
        assert follows.poll() is None
        go.touch()
        assert follows.wait(30) == 0
    assert running.wait(30) == 0
    assert seen.read_text() == batch(world, "logs", "last", "a").stdout
    assert seen.read_text().count("begin\n") == 2
    assert "end\nlast" in seen.read_text()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("status", "nothing"), "error: no batch run 'nothing'"),
        (("stop",), "error: no batch run 'last'"),
        (("plan", "none.yaml"), "error: cannot read none.yaml"),
        (("run", "none.yaml", "--yes"), "error: cannot read none.yaml"),
    ],
)
def test_what_cannot_be_done_is_said(world: World, words: tuple[str, ...], error: str) -> None:
    done = batch(world, *words, code=2)
    assert done.stderr.startswith(error)
