"""The context of a run that begins now: its id, its lock, its event stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from gitalign.engine.run.session import OpenRepository, event_stream, locks_of, new_run_id
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.context import AnalysisContext, RunContext
from gitalign.engine.runtime.observers import observing
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream
from gitalign.ports import ActivePlugins, Journal, Listener, VerdictCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What the caller of a use case gives it.

    Attributes:
        listeners: followers of the event stream.
        stop: the stop signal.
        checkpoint: called before each effect; rehearsals of crashes end the process there.
    """

    listeners: Sequence[Listener] = ()
    stop: StopSignal = field(default_factory=StopSignal)
    checkpoint: Checkpoint = no_checkpoint

    def followed_by(self, listeners: Sequence[Listener]) -> Caller:
        """The same caller, with more followers."""
        return replace(self, listeners=(*self.listeners, *listeners))


NONE_ACTIVE = ActivePlugins()


def analysis_context(
    opened: OpenRepository, cache: VerdictCache, caller: Caller, *, name: str, plugins: ActivePlugins = NONE_ACTIVE
) -> AnalysisContext:
    """What looking at branches works with.

    Args:
        opened: repository and settings.
        cache: what was found before.
        caller: who asked for it.
        name: of the event stream, which is kept nowhere.
        plugins: detectors and resolvers.
    """
    return AnalysisContext(
        repository=opened.repository,
        cache=cache,
        emit=EventStream(name, opened.now, caller.listeners),
        stop=caller.stop,
        surroundings=opened.surroundings,
        at=opened.now(),
        limits=opened.config.limits(),
        plugins=plugins,
    )


@contextmanager
def new_run(
    opened: OpenRepository, journal: Journal, caller: Caller, *, plugins: ActivePlugins = NONE_ACTIVE
) -> Iterator[RunContext]:
    """A run that begins now, while inside: its process holds its lock, its events are followed. It is not in the journal yet,
    and is given back in the end.

    Args:
        opened: repository and settings.
        journal: of the repository.
        caller: who asked for it.
        plugins: detectors, documenter and resolvers.

    Raises:
        StoreError
    """
    started = opened.now()
    run_id = new_run_id(started, opened.surroundings)
    locks = locks_of(opened)
    with locks.held(run_id) as owner, event_stream(opened, journal, run_id, caller.listeners) as emit:
        run = RunContext(
            run_id=run_id,
            started_at=started,
            repository=opened.repository,
            journal=journal,
            emit=emit,
            stop=caller.stop,
            owner=owner,
            is_alive=locks.is_alive,
            surroundings=opened.surroundings,
            limits=opened.config.limits(),
            plugins=plugins,
            checkpoint=caller.checkpoint,
        )
        try:
            yield run
        finally:
            journal.release(run_id)


@contextmanager
def new_observed_run(opened: OpenRepository, journal: Journal, caller: Caller) -> Iterator[RunContext]:
    """A run that moves or pushes what is there already: traced as configured; the metrics of the last run stay.

    Raises:
        ConfigError: the environment names an exporter that is not there.
        StoreError
    """
    with (
        observing(opened.config.telemetry, opened.repository, opened.surroundings, measured=False) as observers,
        new_run(opened, journal, caller.followed_by(observers.listeners)) as run,
    ):
        yield run
