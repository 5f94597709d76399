"""Old batch runs are removed with refs, logs and rows; what is on no branch stays, unless it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitalign import facade
from gitalign.batches.merging.land import LandOptions
from gitalign.batches.pruning import BatchPruner, BatchRetention, PrunedBatchRun
from gitalign.batches.running.state import BatchRun, Status, result_ref, wip_ref
from gitalign.core.names import BATCH_PREFIX, WIP_PREFIX
from gitalign.core.plan import Permit
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.errors import UnknownBatch
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.test_batch_landing import lander
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

PERMIT = Permit(plan_id="*", given_by="test")


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def pruned(bench: Bench, *, checkpoint: Checkpoint = no_checkpoint, **more: Any) -> tuple[PrunedBatchRun, ...]:
    what = BatchRetention(**{"older_than": timedelta(0), "now": utc_now() + timedelta(days=1), **more})
    return BatchPruner(bench.world.repository, bench.store, what, checkpoint=checkpoint).prune()


def refs(bench: Bench) -> str:
    return bench.world.git("for-each-ref", "--format=%(refname)", BATCH_PREFIX, WIP_PREFIX)


def landed(bench: Bench, **more: Any) -> BatchRun:
    return bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), lander=lander(bench, **more))


def is_gone(bench: Bench) -> bool:
    return not (refs(bench) or bench.store.folder(BATCH).exists() or bench.store.records())


def test_a_run_that_has_landed_is_removed_whole_and_its_landing_can_still_be_undone(bench: Bench) -> None:
    before = bench.world.git("rev-parse", "main")
    run = landed(bench)
    assert run.status is Status.COMPLETED
    names = refs(bench).split()
    (would,) = pruned(bench, dry_run=True)
    assert (would.kept_because, sorted(would.refs), would.unlanded) == ("", names, ())
    assert refs(bench).split() == names
    (done,) = pruned(bench)
    assert done == would
    assert is_gone(bench)
    with pytest.raises(UnknownBatch):
        bench.store.read(BATCH)
    assert pruned(bench) == ()
    outcome = run.batches[0].outcome
    assert outcome is not None
    facade.undo(request(bench.world.path), outcome.landing_run, permit=PERMIT)
    assert bench.world.git("rev-parse", "main") == before


def test_results_that_landed_as_squashed_commits_have_landed(bench: Bench) -> None:
    landed(bench, options=LandOptions(squash=True))
    (done,) = pruned(bench)
    assert (done.unlanded, done.kept_because) == ((), "")
    assert is_gone(bench)


def test_younger_runs_stay(bench: Bench) -> None:
    landed(bench)
    assert pruned(bench, older_than=timedelta(days=2)) == ()
    assert len(bench.store.records()) == 1


def test_what_has_not_landed_stays_unless_it_is_asked_for(bench: Bench) -> None:
    bench.run(sh("good", "echo g > g"), sh("bad", "echo half > half; exit 1"))
    names = refs(bench)
    (kept,) = pruned(bench)
    assert kept.unlanded == (result_ref(BATCH, "good"), wip_ref(BATCH, "bad"))
    assert "2 of its refs" in kept.kept_because
    assert refs(bench) == names
    assert bench.log("bad")
    (done,) = pruned(bench, unlanded=True)
    assert (done.unlanded, done.kept_because) == (kept.unlanded, "")
    assert is_gone(bench)


def test_what_landed_and_was_undone_has_not_landed(bench: Bench) -> None:
    run = landed(bench)
    outcome = run.batches[0].outcome
    assert outcome is not None
    facade.undo(request(bench.world.path), outcome.landing_run, permit=PERMIT)
    (kept,) = pruned(bench)
    assert len(kept.unlanded) == 2


def test_a_result_on_another_branch_is_not_lost(bench: Bench) -> None:
    bench.run(sh("a", "echo a > a"))
    bench.world.git("branch", "kept", result_ref(BATCH, "a"))
    (done,) = pruned(bench)
    assert done.kept_because == ""
    assert bench.world.git("show", "kept:a") == "a"


def test_a_run_that_lives_or_whose_work_is_in_a_tree_stays(bench: Bench) -> None:
    landed(bench)
    with bench.store.held(BATCH):
        assert [one.kept_because for one in pruned(bench)] == ["a living process runs it"]
    assert [one.kept_because for one in pruned(bench, busy={BATCH})] == ["a work tree holds its work"]
    assert len(bench.store.records()) == 1


@pytest.mark.parametrize("place", ["batch refs", "batch logs", "batch rows"])
def test_a_removal_that_is_killed_is_finished_by_the_next_one(bench: Bench, place: str) -> None:
    landed(bench)
    assert killed_at(place, lambda check: pruned(bench, checkpoint=check))
    assert len(bench.store.records()) == 1
    (done,) = pruned(bench)
    assert done.kept_because == ""
    assert is_gone(bench)


def test_refs_of_runs_that_no_journal_knows_are_found(bench: Bench) -> None:
    bench.run(sh("a", "echo a > a"))
    bench.store.journal.forget_batch_runs([BATCH])
    (kept,) = pruned(bench)
    assert (kept.batch_run, kept.unlanded) == (BATCH, (result_ref(BATCH, "a"),))
    (done,) = pruned(bench, unlanded=True)
    assert done.kept_because == ""
    assert is_gone(bench)


def test_from_the_settings(bench: Bench, world: World) -> None:
    landed(bench)
    asked = request(world.path)
    assert facade.prune_batch_runs(asked).runs == ()
    (done,) = facade.prune_batch_runs(asked, older_than_days=0).runs
    assert done.kept_because == ""
    assert is_gone(bench)
