"""Batch runs of small repositories, for tests."""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.context import BatchContext, BatchSettings
from gitalign.batches.running.events import BatchListener, following
from gitalign.batches.running.judge_batch import Lander
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.secrets import SecretBook
from gitalign.batches.running.state import BatchRun, new_batch_run
from gitalign.core.validation import ValidationPlan
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream
from gitalign.engine.runtime.surroundings import Surroundings, utc_now
from gitalign.store.journal import open_journal
from gitalign.validate.confine import confinement_for
from tests.batches.trees import World

PROJECT = UUID("6f1b7a0e-0000-4000-8000-000000000001")
BATCH = "20261127-180000-abcdef"


def sh(task_id: str, script: str, **more: Any) -> Task:
    """A task that is a line for the shell; what it leaves uncommitted is committed."""
    return Task(id=task_id, argv=("/bin/sh", "-c", script), **{"commits_leftovers": True, **more})


@dataclass
class Bench:
    """A repository with its journal, and what is heard of its batch runs."""

    world: World
    stop: StopSignal = field(default_factory=StopSignal)
    heard: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @classmethod
    def at(cls, world: World) -> Bench:
        return cls(world)

    @property
    def store(self) -> BatchStore:
        """The batch runs, as they are now. Opened for a moment: a process that is forked must not take a database along."""
        journal = open_journal(self.world.repository.state_dir / "gitalign.db")
        for part in (journal._engine.dispose, journal._connection.close):
            weakref.finalize(journal, part)
        return BatchStore(self.world.repository, journal)

    def context(self, *, checkpoint: Checkpoint = no_checkpoint, **settings: Any) -> BatchContext:
        listeners: Sequence[BatchListener] = settings.pop("listeners", ())
        none = confinement_for(ValidationPlan(confinement="none"), Path(self.world.repository.common_dir))
        known: dict[str, Any] = {"confinement": none, "max_concurrency": 3, "retry_after_s": 0.01, **settings}
        return BatchContext(
            repository=self.world.repository,
            store=self.store,
            pool=self.world.pool,
            settings=BatchSettings(ports=self.world.path.parent / "ports", **known),
            surroundings=Surroundings(environ=dict(os.environ)),
            stop=self.stop,
            ident="O Perator <operator@example.org>",
            secrets=SecretBook(Surroundings(environ=dict(os.environ))),
            emit=EventStream(BATCH, utc_now, [*map(following, (self._hear, *listeners))]),
            checkpoint=checkpoint,
        )

    def _hear(self, kind: str, data: Mapping[str, Any]) -> None:
        self.heard.append((kind, data))

    def plan(self, *tasks: Task) -> BatchPlan:
        return make_plan(TaskList(tasks=tasks), project_id=PROJECT, at=datetime(2026, 11, 27, tzinfo=UTC))

    def new(self, *tasks: Task, batch_id: str = BATCH, plan: BatchPlan | None = None) -> BatchRun:
        run = new_batch_run(
            plan or self.plan(*tasks), batch_id=batch_id, target="main", at=datetime(2026, 11, 27, tzinfo=UTC)
        )
        assert self.store.begin(run, is_alone=False) is None
        return run

    def run(self, *tasks: Task, lander: Lander | None = None, **more: Any) -> BatchRun:
        self.new(*tasks)
        return run_batches(self.context(**more), BATCH, lander)

    def resume(
        self,
        *,
        lander: Lander | None = None,
        prepare: Callable[[BatchRun], BatchRun] = lambda run: run,
        **more: Any,
    ) -> BatchRun:
        self.stop = StopSignal()
        return run_batches(self.context(**more), BATCH, lander, prepare=prepare)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.heard]

    def log(self, task_id: str) -> str:
        return self.store.log_path(BATCH, task_id).read_text()


def killed_at(place: str, go: Callable[[Checkpoint], object], *, nth: int = 1) -> bool:
    """Do something in a process that is killed at the n-th checkpoint of a name; False when it ended before."""
    pid = os.fork()
    if pid == 0:
        seen = 0

        def checkpoint(name: str) -> None:
            nonlocal seen
            seen += name == place
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            go(checkpoint)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
