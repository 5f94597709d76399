"""Batch runs with their state in PostgreSQL: run, killed, gone on with, put back, removed."""

from __future__ import annotations

from pathlib import Path

from gitalign import facade
from gitalign.batches.reading import PlanSource
from gitalign.batches.running.state import Status
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.checkpoints import Checkpoint
from tests.batches.runs import killed_at
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

TASKS = """
target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: a, shell: echo a > a}
  - {id: b, shell: echo b > b, needs: [a]}
"""


def test_from_a_killed_run_to_nothing_left_of_it(world: World, server: str, tmp_path: Path) -> None:
    asked = request(world.path, store__url=server)
    path = tmp_path / "tasks.yaml"
    path.write_text(TASKS)
    plan = facade.plan_batches(asked, PlanSource(file=path))
    permit = Permit(plan_id=facade.plan_digest(plan), given_by="test")
    options = facade.BatchOptions(confinement="none", trees=tmp_path / "trees")
    before = world.git("rev-parse", "main")

    def start(checkpoint: Checkpoint) -> None:
        facade.start_batches(asked, plan, permit=permit, options=options, caller=Caller(checkpoint=checkpoint))

    assert killed_at("settle", start, nth=2)
    view = facade.batch_status(asked)
    assert (view.status, view.run.completed_batches) == ("interrupted", 1)
    assert not (world.repository.state_dir / "gitalign.db").exists()
    run = facade.resume_batches(asked, "last", options=options)
    assert run.status is Status.COMPLETED
    assert facade.batch_status(asked).run == run
    assert world.git("show", "main:b") == "b"
    kinds = [one.kind.value for one in facade.batch_events(asked).events]
    assert (kinds.count("batch_run_started"), kinds.count("merge_completed"), kinds[-1]) == (
        2,
        2,
        "batch_run_completed",
    )
    undone = facade.undo_batches(asked, run.id, permit=Permit(plan_id="*", given_by="test"))
    assert undone.standing == ()
    assert world.git("rev-parse", "main") == before
    (kept,) = facade.prune_batch_runs(asked, older_than_days=0).runs
    assert len(kept.unlanded) == 4
    (gone,) = facade.prune_batch_runs(asked, older_than_days=0, unlanded=True).runs
    assert gone.kept_because == ""
    assert facade.batch_list(asked) == ()
