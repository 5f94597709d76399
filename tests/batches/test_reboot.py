"""A reboot: every process is gone, its number belongs to another one, and the last writes of files may be lost."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from gitalign import process_owner
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import Status, wip_ref
from gitalign.facade import BatchView
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.test_batch_landing import lander
from tests.batches.trees import World, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


@pytest.mark.parametrize("damage", ["nothing", "index", "index gone", "locks"])
def test_what_a_task_wrote_is_pinned_and_the_run_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    ok = bench.world.path.parent / "ok"
    bench.new(sh("t", f"echo precious > precious; test -e {ok}"))
    assert killed_at("settle", lambda check: run_batches(bench.context(checkpoint=check), BATCH, None))
    # The number of the process that died is that of a living one now, of another boot.
    monkeypatch.setattr(process_owner, "_boot_id", lambda: "another-boot")
    left = bench.store.read(BATCH)
    bench.store.write(replace(left, owner=f"host|the-boot-before|{os.getpid()}|0.00"), left)
    (slot,) = bench.world.pool.slots()
    index = slot.folder / "work.index"
    match damage:
        case "index":
            index.write_bytes(index.read_bytes()[:40])
        case "index gone":
            index.unlink()
        case "locks":
            (slot.folder / "work.index.lock").touch()
            (slot.folder / "work/tree/.git/index.lock").touch()
    stands = bench.store.read(BATCH)
    view = BatchView(stands, bench.store.is_alive(BATCH))
    assert (view.is_alive, view.status, stands.tasks["t"].status) == (False, "interrupted", Status.RUNNING)
    ok.touch()
    run = bench.resume(lander=lander(bench))
    assert run.status is Status.COMPLETED, run.tasks["t"].reason
    assert bench.world.git("show", "main:precious") == "precious"
    pinned = bench.world.git("for-each-ref", "--format=%(refname)", wip_ref(BATCH, "t") + "@1", wip_ref(BATCH, "t"))
    in_tree = [
        one for one in bench.world.pool.slots() if (one.folder / "work/tree/precious").exists() and one.note.reason
    ]
    assert pinned or in_tree, "what the attempt before the reboot wrote is neither under a ref nor in a kept tree"
