"""A landing that was pushed and is undone here alone: the remote still has it until it is given back, and nothing hides that."""

from __future__ import annotations

import json

import pytest

from gitalign import facade
from gitalign.batches.planning.tasks import Need
from gitalign.batches.running.state import Status
from gitalign.core.plan import Permit
from tests import warm
from tests.batches.runs import BATCH, sh
from tests.batches.test_batch_verb import batch
from tests.batches.test_landing_push import Shared, shared
from tests.batches.trees import world
from tests.histories import git
from tests.runs import request

__all__ = ["shared", "world"]

PERMIT = Permit(plan_id="*", given_by="test")


def pushed(shared: Shared) -> str:
    """Where the target stood before two batches were pushed."""
    before = shared.here
    shared.new(sh("a", "echo a > a"), sh("b", "echo b > b", needs=(Need(task="a"),)))
    assert shared.go().status is Status.COMPLETED
    assert shared.there == shared.here != before
    return before


def test_an_undo_here_alone_is_finished_on_the_remote_and_landed_again(shared: Shared) -> None:
    before = pushed(shared)
    after, root = shared.there, shared.bench.world
    said = batch(root, "undo", "last", "--yes").stdout
    assert "its remote still has it" in said
    assert (shared.here, shared.there) == (before, after)
    done = json.loads(batch(root, "undo", "last", "--push", "--yes", "--json").stdout)
    assert shared.there == before
    assert [(one["on_remote"], done["dry_run"]) for one in done["landings"]] == [(False, False)] * 2
    again = json.loads(batch(root, "undo", "last", "--push", "--yes", "--json").stdout)
    assert again == {**done, "undone_now": []}
    batch(root, "land", "last", "--push")
    assert (shared.here, shared.there) == (after, after)
    batch(root, "undo", "last", "--push", "--yes")
    assert (shared.here, shared.there) == (before, before)


def test_a_remote_that_has_gone_on_is_no_success(shared: Shared) -> None:
    before = pushed(shared)
    asked = request(shared.bench.world.path)
    facade.undo_batches(asked, BATCH, permit=PERMIT)
    theirs = shared.teammate()
    for _ in range(2):
        said = batch(shared.bench.world, "undo", "last", "--push", "--yes", code=1).stdout
        assert "its remote still has it" in said
    assert (shared.here, shared.there) == (before, theirs)
    git(shared.remote, "update-ref", "refs/heads/main", f"{theirs}~1")  # they take theirs back
    batch(shared.bench.world, "undo", "last", "--push", "--yes")
    assert (shared.here, shared.there) == (before, before)


def test_a_landing_that_is_on_the_remote_alone_is_put_back_below_one_that_is_here(shared: Shared) -> None:
    """The branch here could not follow the first landing, and followed the second."""
    world = shared.bench.world
    before = shared.here
    (world.path / "a.txt").write_text("mine\n")
    clean = f"git -C {world.path} checkout -q -- a.txt; echo b > b"
    shared.new(sh("a", "echo a > a"), sh("b", clean, needs=(Need(task="a"),)))
    run = shared.go()
    assert run.status is Status.COMPLETED
    assert "main here does not" in (run.batches[0].outcome.reason if run.batches[0].outcome else "")
    assert shared.here == shared.there != before
    batch(world, "undo", "last", "--push", "--yes")
    assert (shared.here, shared.there) == (before, before)


@pytest.mark.parametrize("verb", ["batch undo", "undo"])
def test_what_a_pull_brings_back_stands_and_is_undone_again(shared: Shared, verb: str) -> None:
    before = pushed(shared)
    after, root = shared.there, shared.bench.world
    batch(root, "undo", "last", "--yes")
    assert facade.batch_status(request(root.path)).status == "undone"
    root.git("pull", "-q", "--ff-only")
    assert (shared.here, shared.there) == (after, after)
    view = facade.batch_status(request(root.path))
    assert (view.status, view.standing) == ("completed", 2)
    shown = json.loads(batch(root, "undo", "last", "--dry-run", "--json").stdout)
    assert [(one["undone_by"], one["reason"]) for one in shown["landings"]] == [("", "")] * 2
    if verb == "undo":
        newest = shown["landings"][0]
        assert json.loads(warm.run("undo", newest["landing_run"], "--dry-run", "--json", cwd=root.path).stdout)
        done = warm.run("undo", newest["landing_run"], "--push", "--yes", cwd=root.path)
        assert done.returncode == 0, done.stderr
        assert (shared.here, shared.there) == (newest["before"], newest["before"])
    batch(root, "undo", "last", "--push", "--yes")
    assert (shared.here, shared.there) == (before, before)
    assert facade.batch_status(request(root.path)).status == "undone"
    batch(root, "land", "last", "--push")
    assert (shared.here, shared.there) == (after, after)


def test_what_a_pull_brings_back_below_a_commit_of_others_is_not_said_to_be_undone(shared: Shared) -> None:
    pushed(shared)
    root = shared.bench.world
    batch(root, "undo", "last", "--yes")
    theirs = shared.teammate()
    root.git("pull", "-q", "--ff-only")
    assert facade.batch_status(request(root.path)).status == "completed"
    said = batch(root, "undo", "last", "--push", "--yes", code=1).stdout
    assert said.count("main has moved on since") == 2
    assert "undone by" not in said
    assert (shared.here, shared.there) == (theirs, theirs)


def test_a_landing_that_came_here_by_a_pull_is_put_back_here_as_well(shared: Shared) -> None:
    """The branch here could not follow what was pushed, for uncommitted work; then it was pulled."""
    root, before = shared.bench.world, shared.here
    (root.path / "a.txt").write_text("mine\n")
    shared.new(sh("a", "echo changed > a.txt"))
    assert shared.go().status is Status.COMPLETED
    assert shared.here == before != shared.there
    root.git("checkout", "-q", "a.txt")
    root.git("pull", "-q", "--ff-only")
    assert shared.here == shared.there
    batch(root, "undo", "last", "--push", "--yes")
    assert (shared.here, shared.there) == (before, before)
    assert facade.batch_status(request(root.path)).status == "undone"
