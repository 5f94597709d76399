"""Conflicts between tasks while they run: noticed, shown, withdrawn; and the same verdicts as git's for every kind of change."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gitalign.batches.foresight import pairs
from gitalign.batches.foresight.pairs import Foresight, Pair
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.state import BatchRun, ResultConflict
from gitalign.batches.running.state_document import content_of, dump, load
from gitalign.batches.two_sides import merge_of_two
from gitalign.cli.rendering.batches import EventLines, show_batch_run
from gitalign.core.names import Oid
from gitalign.errors import GitCrashed
from gitalign.facade import BatchView
from gitalign.integrate.lane import MergeWorker
from gitalign.views.batch import batch_page
from tests.batches.runs import BATCH, Bench
from tests.batches.runs import sh as unbounded
from tests.batches.trees import World, make_world, world

__all__ = ["world"]

EVERY_S = 0.05
WAIT = "while [ ! -e {} ]; do sleep 0.02; done; "


def sh(task_id: str, script: str) -> Task:
    """A task that waits for an event: not for ever, should it never come."""
    return unbounded(task_id, script, timeout_s=60.0)


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


class Signals:
    """Files that tasks wait for, made when an event is heard."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.states: list[BatchRun] = []
        self.on: dict[str, Any] = {}

    def wait(self, name: str) -> str:
        return WAIT.format(self.folder / name)

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind in ("conflict_foreseen", "conflict_withdrawn"):
            self.states.append(self.bench.store.read("last"))
            (self.folder / kind).touch()
        if kind in self.on:
            self.on.pop(kind)(data)


def test_two_running_tasks_that_conflict_are_reported_and_withdrawn(bench: Bench, tmp_path: Path) -> None:
    signals = Signals(bench, tmp_path)
    run = bench.run(
        sh("a", f"echo from a > a.txt; {signals.wait('conflict_withdrawn')}"),
        sh(
            "b",
            f"echo from b > a.txt; {signals.wait('conflict_foreseen')} git checkout -q a.txt; "
            f"echo b > other; {signals.wait('conflict_withdrawn')}",
        ),
        sh("c", f"echo c > c; {signals.wait('conflict_withdrawn')}"),
        snapshot_every_s=EVERY_S,
        listeners=(signals.hear,),
    )
    heard = [(kind, data) for kind, data in bench.heard if kind.startswith("conflict_")]
    assert [(kind, data["task_id"], data["other"]) for kind, data in heard] == [
        ("conflict_foreseen", "b", "a"),
        ("conflict_withdrawn", "b", "a"),
    ]
    assert heard[0][1]["conflict"]["paths"] == ["a.txt"]
    (hunk,) = heard[0][1]["conflict"]["hunks"]
    assert (hunk["first"]["text"], hunk["second"]["text"]) == (["from a"], ["from b"])
    while_it_stood, afterwards = signals.states
    (conflict,) = while_it_stood.running_conflicts
    assert (conflict.task, conflict.other, conflict.conflict.paths) == ("b", "a", ("a.txt",))
    assert load(dump(while_it_stood)) == while_it_stood
    out = Console(file=io.StringIO(), width=200)
    show_batch_run(out, BatchView(while_it_stood, is_alive=True))
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert "as they work, b conflicts with a: a.txt\n  a.txt, line 1\n    a: from a\n    b: from b\n" in shown
    page = batch_page(content_of(while_it_stood), [], name="it", status="running")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert data["running"] == [["a", "b", ["a.txt"], [[[0, [1, 1, 0], [1, 1, 1]]], 0]]]
    assert (data["paths"], data["texts"]) == (["a.txt"], [["from a"], ["from b"]])
    assert EventLines().words(*heard[0]) == "  b conflicts with a: a.txt"
    assert EventLines().words(*heard[1]) == "  b no longer conflicts with a: a.txt"
    assert afterwards.running_conflicts == run.running_conflicts == ()
    assert "[git-align] conflicts with b: a.txt\n" in bench.log("a")
    assert "[git-align] no longer conflicts with a: a.txt\n" in bench.log("b")
    assert "conflicts" not in bench.log("c")
    assert {one.status.value for one in run.tasks.values()} == {"completed"}


def test_a_task_that_conflicts_with_what_the_target_gained_is_reported(bench: Bench, tmp_path: Path) -> None:
    """Also where the other side has ended: what a completed sibling made counts as well."""
    signals = Signals(bench, tmp_path)

    def person(data: Mapping[str, Any]) -> None:
        (bench.world.path / "a.txt").write_text("from a person\n")
        bench.world.git("commit", "-qam", "person")

    signals.on["task_snapshot"] = person
    bench.run(
        sh("a", f"echo from a > a.txt; {signals.wait('conflict_foreseen')}"),
        snapshot_every_s=EVERY_S,
        listeners=(signals.hear,),
    )
    foreseen = next(data for kind, data in bench.heard if kind == "conflict_foreseen")
    assert (foreseen["task_id"], foreseen["other"], foreseen["conflict"]["first"]) == ("a", None, "main")
    assert "[git-align] conflicts with main: a.txt\n" in bench.log("a")


def test_a_task_conflicts_with_a_sibling_that_has_completed(bench: Bench, tmp_path: Path) -> None:
    signals = Signals(bench, tmp_path)
    signals.on["task_completed"] = lambda data: (tmp_path / "ended").touch()
    bench.run(
        sh("a", "echo from a > a.txt"),
        sh("b", f"{signals.wait('ended')} echo from b > a.txt; {signals.wait('conflict_foreseen')}"),
        snapshot_every_s=EVERY_S,
        listeners=(signals.hear,),
    )
    assert [data["other"] for kind, data in bench.heard if kind == "conflict_foreseen"] == ["a"]


CHANGES = {
    "edit": "echo edit > d/one",
    "other-edit": "echo other > d/one",
    "same-edit": "echo edit > d/one",
    "delete": "git rm -q d/one",
    "rename": "git mv d/one d/renamed",
    "rename-elsewhere": "git mv d/one one",
    "folder-renamed": "git mv d e",
    "added-in-folder": "echo new > d/new",
    "file-for-folder": "git rm -qr d; echo file > d",
    "added": "echo x > fresh",
    "added-otherwise": "echo y > fresh",
    "mode": "chmod +x d/one",
    "link": "ln -sf two d/one",
    "far-away": "echo z > f/three",
    "nothing": "true",
}


def test_every_pair_is_judged_as_git_judges_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Differential, and only what changed is merged again."""
    lines = "".join(f"line {number}\n" for number in range(12))
    world = make_world(tmp_path, {"d/one": lines, "d/two": f"two {lines}", "f/three": "three\n"})
    tips: dict[str, Oid] = {}
    for name, script in CHANGES.items():
        world.git("checkout", "-q", "-B", name, "main")
        bench_sh(world.path, f"{script}; git add -A; git commit -q --allow-empty -m {name}")
        tips[name] = Oid(world.git("rev-parse", "HEAD"))
    world.git("checkout", "-q", "main")
    onto = tips.pop("other-edit")
    asked: list[tuple[Oid, ...]] = []
    real = merge_of_two

    def noted(worker: Any, attributes_of: Oid, ours: Oid, theirs: Oid) -> Any:
        asked.append((ours, theirs))
        return real(worker, attributes_of, ours, theirs)

    monkeypatch.setattr(pairs, "merge_of_two", noted)
    foresight = Foresight(world.repository, BATCH, target="main", base=world.tip)

    def look() -> Mapping[Pair, ResultConflict]:
        return foresight.look(tips, onto, is_stopping=lambda: False)

    found = look()
    stands: dict[str | None, Oid] = {None: onto}
    stands.update(tips)
    expected = {pair for pair in combinations(stands, 2) if not is_clean(world, stands[pair[0]], stands[pair[1]])}
    assert set(found) == expected
    assert ("rename", "rename-elsewhere") in expected
    assert all(one.paths or one.detail for one in found.values())
    assert 0 < len(asked) < len(list(combinations(stands, 2))) * 0.8
    asked.clear()
    assert look() == found
    assert asked == []
    tips["far-away"] = tips["edit"]
    again = look()
    assert (None, "far-away") in again
    assert {tips["far-away"]} == {tip for pair in asked for tip in pair if tip == tips["far-away"]}
    assert all(tips["far-away"] in pair for pair in asked)
    del tips["edit"]
    assert not any("edit" in pair for pair in look())


def test_a_merge_that_git_could_not_make_is_no_conflict_and_is_made_at_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips: dict[str, Oid] = {}
    for name in ("one", "two"):
        world.git("checkout", "-q", "-B", name, "main")
        bench_sh(world.path, f"echo {name} > same; git add -A; git commit -q -m {name}")
        tips[name] = Oid(world.git("rev-parse", "HEAD"))
    world.git("checkout", "-q", "main")
    foresight = Foresight(world.repository, BATCH, target="main", base=world.tip)

    def fails(*_: object, **__: object) -> None:
        raise GitCrashed("Out of memory", hint="")

    with monkeypatch.context() as broken:
        broken.setattr(MergeWorker, "merge_histories", fails)
        assert foresight.look(tips, world.tip, is_stopping=lambda: False) == {}
    (found,) = foresight.look(tips, world.tip, is_stopping=lambda: False).values()
    assert (found.first, found.second, found.paths) == ("one", "two", ("same",))


def is_clean(world: World, one: Oid, other: Oid) -> bool:
    merged = world.repository.git.run("merge-tree", "--write-tree", one, other, accept=(0, 1))
    return merged.returncode == 0


def bench_sh(path: Path, script: str) -> None:
    subprocess.run(["/bin/sh", "-ec", script], cwd=path, check=True)
