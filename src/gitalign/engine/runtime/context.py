"""The context of one run: what its stages share. Two runs in one process share nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gitalign.core.policy import Limits
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.folders import run_folder
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.git.repository import Repository
from gitalign.ports import ActivePlugins, Emitter, Journal, OwnerProbe, VerdictCache


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisContext:
    """What looking at branches works with. Nothing in it can move a ref.

    Attributes:
        repository: the repository.
        cache: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop signal.
        surroundings: the time, the environment, unpredictable names.
        at: now, for the cache, and as the committer date of commits that are made.
        limits: bounds, as for a run.
        plugins: detectors, documenter and resolvers.
    """

    repository: Repository
    cache: VerdictCache
    emit: Emitter
    stop: StopSignal
    surroundings: Surroundings
    at: datetime
    limits: Limits = field(default_factory=Limits)
    plugins: ActivePlugins = field(default_factory=ActivePlugins)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What the stages of one run share.

    Attributes:
        run_id: the run.
        started_at: in UTC; also the committer date of every commit that it makes.
        repository: the repository, with a git that is this run's alone.
        journal: of the repository.
        emit: the event stream.
        stop: the stop signal.
        owner: this process, as claims name it.
        is_alive: tells whether the process that wrote an owner still lives.
        surroundings: the time, the environment, unpredictable names.
        limits: bounds.
        plugins: detectors, documenter and resolvers.
        checkpoint: called before each effect; rehearsals of crashes end the process there.
        has_taken_over: whether the run was another process's before.
    """

    run_id: str
    started_at: datetime
    repository: Repository
    journal: Journal
    emit: Emitter
    stop: StopSignal
    owner: str
    is_alive: OwnerProbe
    surroundings: Surroundings
    limits: Limits = field(default_factory=Limits)
    plugins: ActivePlugins = field(default_factory=ActivePlugins)
    checkpoint: Checkpoint = no_checkpoint
    has_taken_over: bool = False

    @property
    def folder(self) -> Path:
        """Where the run's report, logs, certificates and summaries are."""
        return run_folder(self.repository, self.run_id)

    def now(self) -> datetime:
        """The time in UTC."""
        return self.surroundings.now()

    def analysis(self, cache: VerdictCache) -> AnalysisContext:
        """What integration and analysis work with in this run.

        Args:
            cache: that of the journal, or one that guards it.
        """
        return AnalysisContext(
            repository=self.repository,
            cache=cache,
            emit=self.emit,
            stop=self.stop,
            surroundings=self.surroundings,
            at=self.started_at,
            limits=self.limits,
            plugins=self.plugins,
        )
