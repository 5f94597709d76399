"""A session: a repository opened with its settings and its journal, and a plan made in it.

What the use cases of the facade share. Nothing here knows a terminal. A plan is carried out in `carry_out`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.configuration.given import digest_of_given
from gitalign.core.names import RunId
from gitalign.engine.run.found_repository import FoundRepository
from gitalign.engine.run.planned_history import PlannedHistory
from gitalign.engine.runtime.folders import run_folder as run_folder
from gitalign.engine.runtime.observers import require_observers
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import Surroundings, of_process
from gitalign.errors import StoreError, UnknownRun
from gitalign.git.command import ProcessGate
from gitalign.git.repository import Repository, sharing
from gitalign.git.worktree import work_trees
from gitalign.shared_files import make_folder, share_folder
from gitalign.store.opening import JournalPlace

if TYPE_CHECKING:
    from gitalign.configuration.load import Config
    from gitalign.engine.gates.repository_rules import RepositoryRules
    from gitalign.engine.runtime.stream import EventStream, JournalListener
    from gitalign.git.fence import PushFence
    from gitalign.ports import ActivePlugins, Journal, Listener
    from gitalign.store.run_locks import RunLocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every use case is asked with.

    Attributes:
        repo: any path inside the repository.
        config_file: the operator's configuration file, None for the one in the git directory or the defaults.
        overrides: settings that win over every file, by dotted key (`alignment.strategy`).
        input: branch list, None to discover branches.
        only: globs; a branch that matches none of them is left out.
        exclude: globs; a branch that matches one of them is left out.
        authors: patterns (`core.filters.Filters`); a branch whose last commit is by none of these authors is left out.
        since: a date as git reads it; a branch whose last commit is older is left out.
        older_than: an age or a date; a branch whose last commit is not older is left out.
        fetch: fetch the targets first; with `remote` all of its branches.
        remote: align the branches of this remote instead of the local ones; empty for the configured remote, None for local ones.
        also_local: with `remote`, align local branches, too: both places together.
        surroundings: the time, the environment and unpredictable names; None for those of this process.
        history: of the newest plan that was made for it.
        found: where its repository is, once that was asked.
        or_remote: take the remote's branches when there are no local ones.
        push: read the remote's tips while planning, so that a push can be leased on them.
        fence: what every push has to pass; None when this machine alone pushes.
        needs_branches: refuse a repository without a target, and globs of `only` that match no branch.
    """

    repo: Path | str = "."
    config_file: Path | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    input: Path | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    since: str | None = None
    older_than: str | None = None
    fetch: bool = False
    push: bool = False
    needs_branches: bool = False
    remote: str | None = None
    also_local: bool = False
    or_remote: bool = False
    surroundings: Surroundings | None = None
    fence: PushFence | None = field(default=None, compare=False)
    history: PlannedHistory = field(default_factory=PlannedHistory, compare=False, repr=False)
    found: FoundRepository = field(default_factory=FoundRepository, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A repository whose settings were not read: to do that takes longer than all that a known answer needs.

    Attributes:
        repository, surroundings, history: as in `OpenRepository`.
        given: digest of what settings are read from; None where it cannot be read.
        journal: where the journal is.
    """

    repository: Repository
    surroundings: Surroundings
    history: PlannedHistory
    given: str | None
    journal: JournalPlace

    def now(self) -> datetime:
        """The time in UTC."""
        return self.surroundings.now()


def look_for(request: Request, stop: StopSignal | None = None) -> Look:
    """Open the repository of a request without reading its settings; its journal is taken to be in the git directory.

    An answer that was kept counts only under settings that put it there: what they are read from is part of its fingerprint.

    Args:
        request: what is asked.
        stop: as for `open_for`.

    Raises:
        NotARepository, GitTooOld, GitMissing
    """
    surroundings = of_process() if request.surroundings is None else request.surroundings
    repository = request.found.open(request.repo, surroundings.environ)
    if stop is not None:
        repository = repository.known_to(stop.processes)
    return Look(
        repository=repository,
        surroundings=surroundings,
        history=request.history,
        given=_given(request, repository, surroundings),
        journal=JournalPlace(state_dir=repository.state_dir),
    )


def _given(request: Request, repository: Repository, surroundings: Surroundings) -> str | None:
    return digest_of_given(
        file=request.config_file,
        git_dir=Path(repository.common_dir),
        environ=surroundings.environ,
        overrides=request.overrides,
    )


@dataclass(frozen=True, slots=True)
class OpenRepository:
    """A repository and the settings that hold for it.

    Attributes:
        surroundings: the time, the environment, unpredictable names.
        history: of the newest plan that was made for the same request.
        explicit: where settings come from that were given for this very command.
        given: as in `Look`.
    """

    repository: Repository
    config: Config
    surroundings: Surroundings
    history: PlannedHistory
    explicit: tuple[str, ...] = ()
    given: str | None = None

    @property
    def look(self) -> Look:
        """The same, as it was before settings were read."""
        return Look(
            repository=self.repository,
            surroundings=self.surroundings,
            history=self.history,
            given=self.given,
            journal=journal_place(self),
        )

    def now(self) -> datetime:
        """The time in UTC."""
        return self.surroundings.now()


def open_for(request: Request, stop: StopSignal | None = None) -> OpenRepository:
    """Open the repository of a request and read its settings.

    Args:
        request: what is asked.
        stop: ends the git processes of this use case when it is cancelled.

    Raises:
        NotARepository, GitTooOld, GitMissing, ConfigError
        PluginError: a library that the settings need is missing.
    """
    from gitalign.configuration.load import load_config

    surroundings = of_process() if request.surroundings is None else request.surroundings
    repository = request.found.open(request.repo, surroundings.environ)
    if stop is not None:
        repository = repository.known_to(stop.processes)
    given = _given(request, repository, surroundings)
    config = load_config(
        file=request.config_file,
        git_dir=Path(repository.common_dir),
        environ=surroundings.environ,
        overrides=request.overrides,
    )
    require_observers(config.telemetry)
    explicit = ("command line", *([str(request.config_file)] if request.config_file is not None else []))
    gated = repository.gated(ProcessGate(config.limits().max_git_processes))
    if request.fence is not None:
        gated = replace(gated, fence=request.fence)
    if _given(request, repository, surroundings) != given:
        given = None  # a file was changed while it was read
    return OpenRepository(gated, config, surroundings, request.history, explicit, given)


def configured_plugins(config: Config) -> ActivePlugins:
    """The plug-ins the configuration names."""
    from gitalign.engine.runtime.plugins import load_plugins

    return load_plugins(
        detectors=config.detection.detectors,
        refusing=config.detection.refusing(),
        documenter=config.alignment.documenter,
    )


def configured_rules(opened: OpenRepository) -> RepositoryRules | None:
    """The house rules that the configuration names; None when it names none.

    Raises:
        RulePackError: a pack cannot be read, is malformed, or lies in a work tree, where a branch could change it.
    """
    settings = opened.config.rules
    if not settings.packs:
        return None
    from gitalign.engine.gates.repository_rules import RepositoryRules
    from gitalign.rules.load import load_packs

    origin = opened.config.origin("rules.packs")
    folder = Path(origin).parent if Path(origin).is_file() else Path()
    return RepositoryRules(
        packs=load_packs(settings.packs, folder=folder, forbidden=work_trees(opened.repository)),
        refuses_must=settings.refuse == "must",
        timeout_s=opened.config.limits().detection_timeout_s,
    )


@contextmanager
def journal_of(opened: OpenRepository) -> Iterator[Journal]:
    """The repository's journal, made when it is not there yet.

    Raises:
        StoreError
    """
    repository = opened.repository
    try:
        share_folder(repository.state_dir, _sharing(opened))
    except OSError as error:
        raise StoreError(
            f"cannot make {repository.state_dir}: {error.strerror}", hint="make the git directory writable"
        ) from error
    journal = journal_place(opened).open()
    try:
        yield journal
    finally:
        journal.close()


def _sharing(opened: OpenRepository) -> str:
    """`core.sharedRepository`, from what was read for a plan just now, or asked for."""
    read = opened.history.configuration_of(opened.repository.common_dir)
    return sharing(opened.repository) if read is None else dict(read).get("core.sharedrepository", "umask")


@contextmanager
def event_stream(
    opened: OpenRepository, journal: Journal, run_id: str, listeners: Sequence[Listener]
) -> Iterator[EventStream]:
    """The event stream of one run, with its journal, log, audit trail and branch logs behind it."""
    from gitalign.engine.runtime.stream import EventStream, JournalListener

    durable = JournalListener(journal.append)
    with following_files(opened, run_folder(opened.repository, run_id), durable) as files:
        yield EventStream(run_id, opened.now, [durable, *files, *listeners])


@contextmanager
def following_files(opened: OpenRepository, folder: Path, durable: JournalListener) -> Iterator[Sequence[Listener]]:
    """The log, audit trail and branch logs of a run, as settings say.

    Args:
        opened: whose settings.
        folder: of the run; made when it is not there.
        durable: written to its end, too, when the block ends.
    """
    from gitalign.telemetry import AuditTrail, BranchLogs, RunLog

    make_folder(folder)
    settings = opened.config.orchestration
    audit = AuditTrail(folder / "audit.jsonl") if settings.audit_trail_enabled else None
    logs = BranchLogs(folder / "logs") if settings.log_per_branch else None
    log = RunLog(folder / "run.log", level=settings.log_level)
    files = [one for one in (log, audit, logs) if one is not None]
    try:
        yield files
    finally:
        _close(durable.flush, *(one.close for one in files))


def _close(*ends: Callable[[], None]) -> None:
    """End the followers of a run, every one: what they cannot write is a warning, and what the run did stands."""
    for end in ends:
        try:
            end()
        except (OSError, StoreError) as error:
            import logging

            logging.getLogger("gitalign.run").warning("the log of this run is not complete: %s", error)


def has_state(opened: OpenRepository) -> bool:
    """True when something was run in the repository before."""
    return journal_place(opened).exists


def require_state(opened: OpenRepository, run_id: str) -> None:
    """Refuse to look for a run where nothing was ever run, without making a journal.

    Raises:
        UnknownRun
    """
    if not has_state(opened):
        raise UnknownRun(f"no run {run_id!r}: nothing was ever run here", hint="git align run")


def journal_place(opened: OpenRepository) -> JournalPlace:
    """Where the journal is."""
    settings = opened.config.store
    return JournalPlace(state_dir=opened.repository.state_dir, url=settings.url, password_file=settings.password_file)


def locks_of(opened: OpenRepository) -> RunLocks:
    """The locks that say which runs of the repository are under way."""
    from gitalign.store.run_locks import RunLocks

    return RunLocks(opened.repository.state_dir)


def new_run_id(at: datetime, surroundings: Surroundings) -> RunId:
    """An id that sorts by time and that no other run has."""
    return RunId(f"{at:%Y%m%d-%H%M%S}-{surroundings.token(3)}")
