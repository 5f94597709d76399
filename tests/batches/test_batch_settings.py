"""The section `batch` of the configuration file: each setting does something, or is refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitalign import facade
from gitalign.batches.planning.plan import BatchPlan, ExecutionMode
from gitalign.batches.reading import PlanSource
from gitalign.cli.batch_options import Confined, Landing, Running
from gitalign.core.plan import Permit
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import ConfigError, UserError
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

TASKS = """
target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: a, shell: echo a > a, priority: 1}
  - {id: b, shell: echo b > b}
  - {id: c, shell: echo c > c}
"""


def configured(world: World, **batch: Any) -> facade.Request:
    """What asks for a repository whose configuration file has a section."""
    file = world.repository.state_dir / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump({"batch": batch}))
    return request(world.path)


def planned(asked: facade.Request, tmp_path: Path) -> BatchPlan:
    path = tmp_path / "tasks.yaml"
    path.write_text(TASKS)
    return facade.plan_batches(asked, PlanSource(file=path))


def test_the_file_gives_options_the_environment_and_what_is_typed_win(world: World) -> None:
    asked = configured(
        world,
        max_concurrency=7,
        confinement="none",
        network=False,
        readable=["/opt/tools"],
        snapshot_every_seconds=5,
        merge_strategy="squash",
        fetch=False,
        reruns=0,
        max_memory_mb=64,
        max_disk_mb=32,
        max_processes=9,
    )
    options = facade.batch_options(asked)
    assert (options.max_concurrency, options.confinement, options.network, options.squash) == (7, "none", False, True)
    assert (options.snapshot_every_s, options.fetch, options.reruns, options.readable) == (
        5.0,
        False,
        0,
        ("/opt/tools",),
    )
    bounds = options.bounds
    assert (bounds.memory_bytes, bounds.disk_bytes, bounds.processes) == (64 * 1024**2, 32 * 1024**2, 9)
    environ = {"GITALIGN_BATCH__MAX_CONCURRENCY": "2"}
    assert facade.batch_options(replace(asked, surroundings=Surroundings(environ=environ))).max_concurrency == 2
    assert Running().options(options, Landing()) == options
    typed = Running(
        max_concurrency=1, confinement=Confined.REQUIRE, squash=False, readable=("/x",), fetch=True, reruns=1
    )
    wanted = typed.options(options, Landing())
    assert (wanted.max_concurrency, wanted.confinement, wanted.squash, wanted.network) == (1, "require", False, False)
    assert (wanted.readable, wanted.fetch, wanted.reruns) == (("/opt/tools", "/x"), True, 1)


def test_a_run_has_what_the_settings_say(world: World, tmp_path: Path) -> None:
    asked = configured(world, worktree_dir=str(tmp_path / "trees"), merge_strategy="squash", confinement="none")
    plan = planned(asked, tmp_path)
    run = facade.start_batches(asked, plan, permit=Permit(plan_id=facade.plan_digest(plan), given_by="test"))
    assert run.status.value == "completed"
    assert world.git("rev-list", "--merges", "main") == ""
    assert {Path(one.tree).is_relative_to(tmp_path / "trees") for one in run.tasks.values()} == {True}
    assert [one.kept_because for one in facade.prune_batch_trees(asked).trees] == [""] * 3


def test_tasks_run_one_after_another_when_it_is_not_enabled(world: World, tmp_path: Path) -> None:
    mode = planned(configured(world, enabled=False), tmp_path).mode
    assert mode is not None
    assert (mode.execution_mode, mode.reason[:22]) == (ExecutionMode.SEQUENTIAL, "batch.enabled is false")
    mode = planned(configured(world), tmp_path).mode
    assert mode is not None
    assert mode.execution_mode is ExecutionMode.PARALLEL


def test_the_strategy_says_which_tasks_go_together(world: World, tmp_path: Path) -> None:
    assert [one.task_ids for one in planned(configured(world), tmp_path).batches] == [("b", "c", "a")]
    batches = planned(configured(world, strategy="priority"), tmp_path).batches
    assert [one.task_ids for one in batches] == [("b", "c"), ("a",)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"parallel": {"enabled": True}}, "section parallel is called batch"),
        ({"parallel_execution": {}}, "section parallel_execution is called batch"),
        ({"batch": {"worktree_dir": ".worktrees"}}, "outside of the repository"),
        ({"batch": {"strategy": "dependencies"}}, "did you mean dependency"),
        ({"batch": {"max_concurrency": 0}}, "greater than or equal to 1"),
        ({"batch": {"max_concurency": 2}}, "did you mean batch.max_concurrency"),
    ],
)
def test_what_is_refused(world: World, content: Mapping[str, Any], words: str) -> None:
    asked = configured(world)
    (world.repository.state_dir / "config.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=words):
        facade.batch_options(asked)


def test_work_trees_do_not_lie_in_the_repository(world: World) -> None:
    for folder in (world.path / "trees", world.path / ".git" / "trees"):
        with pytest.raises(UserError, match="lies in the repository"):
            facade.batch_options(configured(world, worktree_dir=str(folder)))
