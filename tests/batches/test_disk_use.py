"""How much disk work trees use is said by the command, its document, and the page."""

from __future__ import annotations

import json
from pathlib import Path

from tests.batches.runs import Bench, sh
from tests.batches.test_batch_verb import batch
from tests.batches.trees import World, world

__all__ = ["world"]


def test_disk_of_work_trees_is_shown(world: World) -> None:
    Bench.at(world).run(sh("a", "echo a > a"))
    own = world.pool.root.parent / "own"
    (world.path / ".git/gitalign/config.yaml").write_text(f"batch: {{worktree_dir: {own}, max_disk_mb: 77}}\n")
    shown = json.loads(batch(world, "status", "--json").stdout)["disk"]
    assert (shown["work_trees"], shown["bytes_used"], shown["most_bytes_of_a_task"]) == (0, 0, 77 * 1024**2)
    assert Path(shown["folder"]).parent == own
    own.mkdir()
    world.pool.root.rename(shown["folder"])
    shown = json.loads(batch(world, "status", "--json").stdout)["disk"]
    assert shown["work_trees"] == 1
    assert 0 < shown["bytes_used"] < shown["bytes_free"]
    assert "disk: 1 work tree uses" in batch(world, "status", "--verbose").stdout
    assert "disk:" not in batch(world, "status").stdout
    assert "1 work trees use" in batch(world, "report").stdout
