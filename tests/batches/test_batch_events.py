"""Events of batch runs: payloads, one stream for journal, audit trail and log, and callbacks that raise."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import gitalign
from gitalign import facade
from gitalign.batches.planning.tasks import Need
from gitalign.batches.reading import PlanSource
from gitalign.batches.running.events import CallbackListener
from gitalign.core.events import EventKind
from gitalign.core.plan import Permit
from gitalign.documents.events import dump
from tests.batches.runs import BATCH, PROJECT, Bench, sh
from tests.batches.trees import World, world
from tests.documents.strict import validate
from tests.runs import request

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def of(bench: Bench, kind: str) -> list[Mapping[str, Any]]:
    return [data for heard, data in bench.heard if heard == kind]


def test_payloads_have_what_the_original_requests_name(bench: Bench) -> None:
    run = bench.run(sh("a", "echo a > a"), sh("b", "exit 2"), sh("c", "true", needs=(Need(task="a"),)))
    (started,) = of(bench, "batch_started")
    said = {
        "batch_id": 0,
        "batch_index": 0,
        "task_count": 2,
        "task_ids": ["a", "b"],
        "can_parallel": True,
        "batches_remaining": 1,
        "project_id": str(PROJECT),
        "batch_run": BATCH,
    }
    assert said.items() <= started.items()
    (completed,) = of(bench, "batch_completed")
    said = {"batch_id": 0, "success": False, "merge_status": "skipped", "errors": ["task: exit 2"], "fail_count": 1}
    assert said.items() <= completed.items()
    assert completed["duration"] > 0
    assert all("timestamp" in data for _, data in bench.heard)
    attempts = {data["task_id"]: data for data in of(bench, "attempt_completed")}
    assert (attempts["a"]["success"], attempts["b"]["exit_code"], attempts["b"]["attempt"]) == (True, 2, 1)
    assert attempts["a"]["result"] == run.tasks["a"].result
    trees = {data["task_id"]: data["worktree"] for data in of(bench, "attempt_started")}
    assert trees == {task_id: run.tasks[task_id].tree for task_id in ("a", "b")}
    assert bench.heard[0][0] == "batch_run_started"
    assert (bench.heard[-1][0], bench.heard[-1][1]["status"]) == ("batch_run_completed", "failed")


def test_every_kind_that_is_reported_is_an_event() -> None:
    """A word that is none would end the run that reports it."""
    package = Path(gitalign.__file__).parent / "batches"
    sources = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    kinds = set(re.findall(r"\b_?(?:notify|tell)\(\s*\"(\w+)\"", sources))
    assert len(kinds) > 10
    assert kinds <= set(EventKind)


def planned(world: World, tmp_path: Path, text: str) -> tuple[Any, Permit]:
    path = tmp_path / "tasks.yaml"
    path.write_text(text)
    plan = facade.plan_batches(request(world.path), PlanSource(file=path))
    return plan, Permit(plan_id=facade.plan_digest(plan), given_by="test")


TASKS = "target: main\ndefaults: {commit_leftovers: true}\ntasks: [{id: a, shell: echo a > a}, {id: b, shell: echo b > b}]\n"


def test_journal_audit_trail_log_and_listeners_have_the_same_events(world: World, tmp_path: Path) -> None:
    heard: list[str] = []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        heard.append(kind)
        raise RuntimeError("a listener that raises")

    plan, permit = planned(world, tmp_path, TASKS)
    options = facade.BatchOptions(confinement="none", trees=tmp_path / "trees", lands=False)
    run = facade.start_batches(request(world.path), plan, permit=permit, options=options, listeners=[listen])
    run = facade.resume_batches(
        request(world.path), run.id, options=facade.BatchOptions(trees=tmp_path / "trees"), listeners=[listen]
    )
    assert run.status.value == "completed"
    history = facade.batch_events(request(world.path), run.id)
    assert [one.seq for one in history.events] == list(range(1, len(history.events) + 1))
    assert [one.kind.value for one in history.events] == heard
    merged = next(one for one in history.events if one.kind is EventKind.MERGE_COMPLETED)
    assert (merged.data["success"], merged.data["landing_run"]) == (True, run.batches[0].landing_run)
    folder = world.repository.state_dir / "batches" / run.id
    audit = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    assert [one["event"] for one in audit] == heard
    assert {validate(line) for line in audit} == {"audit-event"}
    log = (folder / "run.log").read_text()
    assert "INFO batch_run_completed" in log
    for event in history.events:
        assert validate(dump(event)) == "event"
    view = facade.batch_status(request(world.path), run.id)
    assert view.events == history.events[-8:]


class TestCallbacks:
    def test_plain_and_async_ones_that_raise_hurt_nothing(self, bench: Bench) -> None:
        plain: list[str] = []
        later: list[str] = []

        def sync(event: dict[str, Any]) -> None:
            plain.append(event["type"])
            raise ValueError("from a callback")

        async def slow(event: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            later.append(event["type"])
            if event["type"] == "batch_started":
                raise ValueError("from an async callback")

        callbacks = [CallbackListener(sync), CallbackListener(slow)]
        bench.run(sh("a", "echo a > a"), listeners=callbacks)
        for callback in callbacks:
            callback.close()
        assert plain == later == bench.kinds()

    def test_async_ones_run_in_the_loop_of_the_caller(self, bench: Bench) -> None:
        seen: list[tuple[str, bool]] = []

        async def go() -> None:
            here = asyncio.get_running_loop()

            async def follow(event: dict[str, Any]) -> None:
                seen.append((event["type"], asyncio.get_running_loop() is here))

            callback = CallbackListener(follow, loop=here)
            await asyncio.to_thread(lambda: bench.run(sh("a", "true"), listeners=(callback,)))
            await asyncio.sleep(0)
            callback.close()

        asyncio.run(go())
        assert [kind for kind, _ in seen] == bench.kinds()
        assert all(is_here for _, is_here in seen)
