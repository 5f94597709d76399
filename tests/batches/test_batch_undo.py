"""A whole batch run is put back by one command, also when that command is killed; a target that moved on stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.batches.planning.tasks import Need
from gitalign.batches.running.state import BatchRun, Status
from gitalign.core.plan import Permit
from gitalign.errors import NotPermitted
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.test_batch_landing import lander
from tests.batches.test_batch_verb import batch
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

PERMIT = Permit(plan_id="*", given_by="test")


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def landed(bench: Bench) -> BatchRun:
    """Two batches, one after the other."""
    tasks = (sh("a", "echo a > a"), sh("b", "echo b > b", needs=(Need(task="a"),)))
    run = bench.run(*tasks, lander=lander(bench))
    assert run.status is Status.COMPLETED
    return run


def tip(bench: Bench) -> str:
    return bench.world.git("rev-parse", "main")


def test_every_landing_is_put_back_and_each_undo_can_be_undone(bench: Bench) -> None:
    before = tip(bench)
    landed(bench)
    after = tip(bench)
    asked = request(bench.world.path)
    would = facade.batch_landings(asked, BATCH)
    assert [(one.undone_by, one.reason) for one in would.landings] == [("", "")] * 2
    assert (would.landings[0].after, would.landings[1].before) == (after, before)
    with pytest.raises(NotPermitted):
        facade.undo_batches(asked, BATCH)
    done = facade.undo_batches(asked, BATCH, permit=PERMIT)
    assert tip(bench) == before
    assert done.standing == ()
    assert set(done.undone_now) == {one.landing_run for one in done.landings}
    again = facade.undo_batches(asked, BATCH, permit=PERMIT)
    assert (again.landings, again.undone_now) == (done.landings, ()), "nothing was moved this time"
    landing = done.landings[0]
    (before_it, after_it) = (tip(bench), facade.undo(asked, landing.landing_run, permit=PERMIT))
    assert after_it.run.id == landing.undone_by
    assert after_it.notices[-1].endswith("nothing was done")
    assert tip(bench) == before_it
    for undone in reversed(done.landings):
        facade.undo(asked, undone.undone_by, permit=PERMIT)
    assert tip(bench) == after
    assert len(facade.batch_landings(asked, BATCH).standing) == 2


@pytest.mark.parametrize("place", ["journal", "refs", "refs moved", "end"])
@pytest.mark.parametrize("nth", [1, 2])
def test_an_undo_that_is_killed_is_finished_by_the_same_again(bench: Bench, place: str, nth: int) -> None:
    before = tip(bench)
    landed(bench)
    asked = request(bench.world.path)
    killed = killed_at(place, lambda check: facade.undo_batches(asked, BATCH, permit=PERMIT, checkpoint=check), nth=nth)
    facade.recover(asked)
    done = facade.undo_batches(asked, BATCH, permit=PERMIT)
    assert killed
    assert tip(bench) == before
    assert done.standing == ()


def test_a_target_that_moved_on_stays(bench: Bench) -> None:
    landed(bench)
    bench.world.git("commit", "-q", "--allow-empty", "-m", "on top")
    after = tip(bench)
    asked = request(bench.world.path)
    done = facade.undo_batches(asked, BATCH, permit=PERMIT)
    assert (tip(bench), len(done.standing)) == (after, 2)
    assert done.standing[0].reason == "main has moved on since"
    assert done.possible(push=False) == ()


def test_the_newest_landing_that_was_undone_by_itself_is_passed_over(bench: Bench) -> None:
    before = tip(bench)
    run = landed(bench)
    asked = request(bench.world.path)
    facade.undo(asked, run.batches[1].landing_run, permit=PERMIT)
    done = facade.undo_batches(asked, BATCH, permit=PERMIT)
    assert (tip(bench), done.standing) == (before, ())


def test_on_the_command_line(bench: Bench) -> None:
    before = tip(bench)
    assert "no batch was run here yet" in batch(bench.world, "undo", "last", "--yes", code=2).stderr
    bench.run(sh("a", "echo a > a"))
    assert "has landed" in batch(bench.world, "undo", "last", "--yes", code=2).stderr
    batch(bench.world, "land", "last")
    shown = json.loads(batch(bench.world, "undo", "last", "--dry-run", "--json").stdout)
    assert [one["before"] for one in shown["landings"]] == [before]
    assert tip(bench) != before
    assert "--yes" in batch(bench.world, "undo", "last", code=2).stderr
    assert tip(bench) != before
    assert "takes all of it back" in batch(bench.world, "status").stdout
    shown = json.loads(batch(bench.world, "undo", "last", "--yes", "--json").stdout)
    assert shown["undone_now"] == [one["landing_run"] for one in shown["landings"]]
    assert json.loads(batch(bench.world, "undo", "last", "--yes", "--json").stdout)["undone_now"] == []
    repeated = batch(bench.world, "undo", "last", "--yes").stdout
    assert "undone by" in repeated
    assert "is undone already: nothing was done" in repeated
    shown_now = batch(bench.world, "status").stdout
    assert "undone by run" in shown_now
    assert "takes all of it back" not in shown_now
    assert tip(bench) == before


def test_the_same_plan_after_an_undo_says_so_and_land_lands_the_same_commits(bench: Bench, tmp_path: Path) -> None:
    plan = tmp_path / "tasks.yaml"
    tasks = [{"id": "a", "command": ["touch", "a"], "commit_leftovers": True}]
    plan.write_text(json.dumps({"target": "main", "tasks": tasks}))
    run = ("run", plan, "--yes", "--confinement", "none")
    before = tip(bench)
    batch(bench.world, *run)
    after = tip(bench)
    assert "this plan has completed before" in batch(bench.world, *run).stdout
    batch(bench.world, "undo", "last", "--yes")
    again = batch(bench.world, *run, code=1)
    assert "was undone since" in again.stderr
    assert "git align batch land" in again.stderr
    assert "success" not in again.stdout
    assert "was undone since" in batch(bench.world, "resume", "last", code=1).stderr
    shown = batch(bench.world, "status").stdout
    assert "undone since: 1 landing" in " ".join(shown.splitlines()[:2])
    assert "undone" in batch(bench.world, "list").stdout
    assert tip(bench) == before
    assert "what was undone has landed again" in batch(bench.world, "land", "last").stdout
    assert tip(bench) == after
    assert "undone" not in batch(bench.world, "status").stdout
    batch(bench.world, "undo", "last", "--yes")
    bench.world.git("commit", "-q", "--allow-empty", "-m", "on top")
    assert "has moved on since" in batch(bench.world, "land", "last", code=1).stderr


def test_all_landings_of_a_batch_run_land_again_in_their_order(bench: Bench) -> None:
    landed(bench)
    after = tip(bench)
    asked = request(bench.world.path)
    facade.undo_batches(asked, BATCH, permit=PERMIT)
    again = facade.land_undone_again(asked, BATCH, permit=PERMIT)
    assert again is not None
    assert (tip(bench), len(again.standing)) == (after, 2)
    assert facade.land_undone_again(asked, BATCH, permit=PERMIT) is None
