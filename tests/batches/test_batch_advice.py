"""What is said before and after a batch run: warnings in time, the next step that helps, documents that know of an undo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from tests import warm
from tests.batches.test_batch_verb import batch, document
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

HOW = ("--yes", "--confinement", "none")


def listed(tmp_path: Path, *tasks: dict[str, Any], name: str = "tasks.yaml", **more: Any) -> Path:
    path = tmp_path / name
    content = {"target": "main", "defaults": {"commit_leftovers": True}, "tasks": list(tasks), **more}
    path.write_text(json.dumps(content))
    return path


def one(script: str = "echo a > a", **more: Any) -> dict[str, Any]:
    return {"id": "a", "shell": script, **more}


def configured(world: World, **settings: Any) -> None:
    file = world.repository.state_dir / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(settings))


class TestBeforeAnythingRuns:
    def test_uncommitted_work_where_the_target_is_checked_out_is_a_warning(self, world: World, tmp_path: Path) -> None:
        path = listed(tmp_path, one())
        (world.path / "a.txt").write_text("mine\n")
        words = "warning: main cannot move as long as its work tree"
        for done in (batch(world, "plan", path), batch(world, "plan", path, "--json")):
            assert words in done.stderr
            assert "is dirty: uncommitted changes in a.txt" in done.stderr
        run = batch(world, "run", path, *HOW, code=1)
        assert run.stderr.index(words) < run.stderr.index("  a started")
        assert "next: git align batch land" in run.stdout
        assert "batch retry" not in run.stdout
        assert words in batch(world, "retry", "last", "a", "--yes", code=1).stderr
        world.git("checkout", "-q", "--", "a.txt")
        assert "warning" not in batch(world, "plan", path).stderr
        assert "1 of 1 batch landed" in batch(world, "land", "last").stdout

    def test_a_target_in_two_work_trees_and_one_that_is_gone(self, world: World, tmp_path: Path) -> None:
        other = world.path.parent / "other"
        world.git("worktree", "add", "-q", "--force", str(other), "main")
        assert facade.landing_warnings(request(world.path), None) == ()
        (words,) = facade.landing_warnings(request(world.path), "main")
        assert f"checked out in {world.path} and {other}" in words

    def test_a_protected_target_is_refused(self, world: World, tmp_path: Path) -> None:
        configured(world, alignment={"protected": ["main"]})
        path = listed(tmp_path, one())
        refused = batch(world, "run", path, *HOW, code=2)
        assert "error: main is protected: nothing may land on it" in refused.stderr
        assert "--no-land" in refused.stderr
        assert "started" not in refused.stderr
        batch(world, "run", path, *HOW, "--no-land", code=1)

    def test_settings_that_a_landing_cannot_use_are_refused(self, world: World, tmp_path: Path) -> None:
        configured(world, rules={"packs": ["no-such-pack.yaml"]})
        refused = batch(world, "run", listed(tmp_path, one()), *HOW, code=2)
        assert "no-such-pack.yaml" in refused.stderr
        assert "started" not in refused.stderr

    def test_a_fresh_clone_has_only_the_branch_of_the_remote(self, world: World, tmp_path: Path) -> None:
        world.git("branch", "work")
        world.git("clone", "-q", "--branch", "work", str(world.path), str(tmp_path / "clone"))
        path = listed(tmp_path, one())
        refused = warm.run("batch", "run", path, *HOW, cwd=tmp_path / "clone")
        assert refused.returncode == 2
        assert "next: make it of the branch of the remote: git branch main origin/main" in refused.stderr
        planned = warm.run("batch", "plan", path, cwd=tmp_path / "clone")
        assert "git branch main origin/main" in planned.stderr

    @pytest.mark.parametrize("timeout", ["5x", "", "30 m", {}, None, True, -1, "0s"])
    def test_a_deadline_that_is_none(self, world: World, tmp_path: Path, timeout: object) -> None:
        refused = batch(world, "plan", listed(tmp_path, one(timeout=timeout)), code=2 if timeout is not None else 0)
        if timeout is not None:
            words = "must be greater than 0" if timeout in (-1, "0s") else "write seconds, or a number with s, m or h"
            assert "tasks[a].timeout" in refused.stderr
            assert words in refused.stderr


class TestNextStep:
    def test_after_a_failed_task_it_is_retry(self, world: World, tmp_path: Path) -> None:
        done = batch(world, "run", listed(tmp_path, one("exit 1")), *HOW, code=1)
        assert "next: git align batch retry" in done.stdout

    def test_after_red_tests_it_is_to_land(self, world: World, tmp_path: Path) -> None:
        configured(world, validation={"test_command": ["sh", "-c", "! test -e a"]})
        done = batch(world, "run", listed(tmp_path, one()), *HOW, code=1)
        assert "batch retry" not in done.stdout
        assert "next: git align batch land" in done.stdout

    def test_a_run_that_has_ended_is_not_to_be_resumed(self, world: World, tmp_path: Path) -> None:
        batch(world, "run", listed(tmp_path, one()), *HOW)
        for name in ("pause", "stop", "cancel"):
            assert "next: git align batch status" in batch(world, name, code=2).stderr

    def test_a_batch_with_nothing_to_land_is_not_said_to_have_landed(self, world: World, tmp_path: Path) -> None:
        """One word, one meaning: `landed` counts batches whose results are on the target."""
        tasks = [
            {"id": "a", "shell": "true"},
            {"id": "b", "shell": "echo b > b", "needs": ["a"], "commit_leftovers": True},
        ]
        path = tmp_path / "tasks.json"
        path.write_text(json.dumps({"target": "main", "tasks": tasks}))
        shown = batch(world, "run", path, *HOW).stdout
        assert ": completed, 1 of 2 batches landed, 1 had nothing to land" in shown
        assert "batch 0: nothing to land: no task changed anything" in shown
        path.write_text(json.dumps({"target": "main", "tasks": tasks[:1]}))
        alone = batch(world, "run", path, *HOW).stdout
        assert ": completed, 0 of 1 batch landed, 1 had nothing to land" in alone
        assert "undo" not in alone
        path.write_text(json.dumps({"target": "main", "tasks": [{"id": "a", "shell": "exit 1"}]}))
        failed = batch(world, "run", path, *HOW, code=1).stdout
        assert ": failed, 0 of 1 batch landed\n" in failed
        assert "batch 0: not merged: 1 of 1 tasks did not complete: a" in failed

    def test_quiet_says_why_a_run_failed_and_nothing_else(self, world: World, tmp_path: Path) -> None:
        failed = batch(world, "run", listed(tmp_path, one("exit 1")), *HOW, "-q", code=1)
        assert failed.stdout == ""
        first, second = failed.stderr.splitlines()
        assert "failed, 0 of 1 batch landed: batch 0: 1 of 1 tasks did not complete: a" in first
        assert second.startswith("next: git align batch retry ")
        fine = batch(world, "run", listed(tmp_path, one(), name="other.yaml"), *HOW, "-q")
        assert (fine.stdout, fine.stderr) == ("", "")


class TestAfterAnUndo:
    def test_documents_and_the_page_say_so(self, world: World, tmp_path: Path) -> None:
        ran = document(batch(world, "run", listed(tmp_path, one()), *HOW, "--json").stdout, "batch-run")
        assert (ran["state"], ran["undone"], ran["is_alive"]) == ("completed", False, False)
        resumed = document(batch(world, "resume", "last", "--json").stdout, "batch-run")
        assert (resumed["state"], resumed["undone"]) == ("completed", False)
        batch(world, "undo", "last", "--yes")
        status = document(batch(world, "status", "--json").stdout, "batch-run")
        report = document(batch(world, "report", "--json").stdout, "batch-report")
        for seen in (report["batch_run"], status):
            del seen["disk"]["bytes_free"]  # others use the disk, too
        assert report["batch_run"] == {name: status[name] for name in report["batch_run"]}
        assert [event["kind"] for event in report["events"]][-1] == "batch_run_completed"
        (shown,) = document(batch(world, "list", "--json").stdout, "batch-runs")["batch_runs"]
        for run in (status, shown):
            assert (run["status"], run["state"], run["undone"], run["is_alive"]) == ("completed", "undone", True, False)
        undone_by = status["batches"][0]["undone_by"]
        assert undone_by
        assert undone_by in batch(world, "report").stdout
        batch(world, "report", "--json", "-o", tmp_path / "report.json")
        written = document((tmp_path / "report.json").read_text(), "batch-report")
        del written["batch_run"]["disk"]["bytes_free"]
        assert written == report
        assert ": undone, 1 of 1 batch landed" in batch(world, "status").stdout

    def test_a_target_that_moved_on_is_exit_code_1(self, world: World, tmp_path: Path) -> None:
        batch(world, "run", listed(tmp_path, one()), *HOW)
        world.git("commit", "-q", "--allow-empty", "-m", "on top")
        tip = world.tip
        stays = batch(world, "undo", "last", code=1)  # nothing can be put back, so that nothing is asked
        assert "main has moved on since" in stays.stdout
        assert "next: git log --oneline" in stays.stdout
        (landing,) = document(batch(world, "undo", "last", "--yes", "--json", code=1).stdout, "batch-landings")[
            "landings"
        ]
        assert landing["reason"] == "main has moved on since"
        assert world.tip == tip


def test_the_log_of_a_task_as_a_document(world: World, tmp_path: Path) -> None:
    batch(world, "run", listed(tmp_path, one("echo written")), *HOW)
    log = document(batch(world, "logs", "last", "a", "--json").stdout, "batch-log")
    assert (log["task"], log["status"], log["is_alive"]) == ("a", "completed", False)
    assert "written\n" in log["output"]
    for words in (("logs", "last", "a"), ("events", "last")):
        assert "--follow cannot be combined with --json" in batch(world, *words, "--json", "-f", code=2).stdout
