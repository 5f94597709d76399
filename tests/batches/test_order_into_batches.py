"""`git align order --json` into `git align batch run`: the branches land as the order says, and each state of theirs once."""

from __future__ import annotations

import json
from pathlib import Path

from tests import warm
from tests.batches.test_batch_verb import batch, document
from tests.batches.trees import World, grown, world
from tests.histories import git

__all__ = ["world"]


def ordered(world: World, path: Path, *words: str, code: int) -> Path:
    """The document of `git align order`, in a file."""
    done = warm.run("order", *words, cwd=world.path, env={"XDG_STATE_HOME": str(world.path.parent / "state")})
    assert done.returncode == code, done.stdout + done.stderr
    if "--json" in words:
        path.write_text(done.stdout)
    return path


def on_main(world: World) -> list[str]:
    return world.git("log", "--first-parent", "--reverse", "--format=%s", "main").splitlines()[1:]


def test_branches_land_in_the_order_and_what_they_gain_later_lands_by_the_next_run(
    world: World, tmp_path: Path
) -> None:
    grown(world, "topic/x", {"x": "x\n"})
    grown(world, "topic/top", {"top": "top\n"}, onto="topic/x")
    grown(world, "topic/z", {"z": "z\n"})
    plan = ordered(world, tmp_path / "order.json", "--json", code=0)
    order = json.loads(plan.read_text())
    assert order["dependencies"] == [["topic/x", "topic/top"]]
    same = ordered(world, tmp_path / "same.json", "-o", str(tmp_path / "same.json"), code=0)
    assert json.loads(same.read_text()) == order
    planned = document(batch(world, "plan", plan, "--json").stdout, "batch-plan")
    assert [one["task_ids"] for one in planned["batches"]] == [one["members"] for one in order["batches"]]
    batch(world, "run", plan, "--yes")
    assert on_main(world) == [f"Merge {name} (batch execution)" for name in order["order"]]
    git(tmp_path, "clone", "-q", str(world.path), "oracle")
    git(tmp_path / "oracle", "reset", "-q", "--hard", "main~3")
    for name in order["order"]:
        git(tmp_path / "oracle", "-c", "user.name=x", "-c", "user.email=x", "merge", "-q", "--no-ff", f"origin/{name}")
    assert git(tmp_path / "oracle", "rev-parse", "HEAD^{tree}") == world.git("rev-parse", "main^{tree}")

    landed = world.tip
    assert "this plan has completed before" in batch(world, "run", same, "--yes").stdout
    assert world.tip == landed
    grown(world, "topic/z", {"z": "more\n"}, onto="topic/z")
    again = batch(world, "run", same, "--yes").stdout
    assert "completed before" not in again
    assert world.git("show", "main:z") == "more"
    assert on_main(world)[3:] == ["Merge topic/z (batch execution)"]


def test_a_branch_that_moved_executes_no_command_again(world: World, tmp_path: Path) -> None:
    """Neither a success, for what it gained has not landed, nor a second execution of what has been executed."""
    grown(world, "topic/z", {"z": "z\n"})
    tasks = [{"id": "a", "shell": "echo a >> a", "commit_leftovers": True}, {"id": "z", "branch": "topic/z"}]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps({"target": "main", "tasks": tasks}))
    batch(world, "run", path, "--yes", "--confinement", "none")
    grown(world, "topic/z", {"z": "more\n"}, onto="topic/z")
    refused = batch(world, "run", path, "--yes", "--confinement", "none", code=2).stderr
    assert "of this plan has completed, and topic/z moved since" in refused
    assert "next: --again runs all of it again" in refused
    assert world.git("show", "main:a") == "a"
    batch(world, "run", path, "--yes", "--confinement", "none", "--again")
    assert (world.git("show", "main:a"), world.git("show", "main:z")) == ("a\na", "more")


def test_a_branch_that_the_order_lets_stop_stops_and_the_others_stand(world: World, tmp_path: Path) -> None:
    grown(world, "topic/x", {"a.txt": "x\n"})
    grown(world, "topic/y", {"a.txt": "y\n"})
    plan = ordered(world, tmp_path / "order.json", "--json", code=1)
    shown = batch(world, "run", plan, "--yes", code=1).stdout
    first, second = json.loads(plan.read_text())["order"]
    assert "1 of 2 batches landed" in shown
    assert f"batch 1: conflicts: {second} conflicts with main in a.txt" in shown
    assert on_main(world) == [f"Merge {first} (batch execution)"]
