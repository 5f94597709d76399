"""A session: a repository opened with its settings and its journal, and a plan made in it.

What the use cases of the facade share. Nothing here knows a terminal. A plan is carried out in `carry_out`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.configuration.branch_list import BranchList, load_branch_list
from gitalign.configuration.load import Config, load_config
from gitalign.core.long_lived import PRIMARY_NAMES
from gitalign.core.names import HEADS, RunId
from gitalign.core.plan import Plan
from gitalign.core.selection import require_branches
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.targets import TYPED, WantedTargets, discover_targets, head_of_remote
from gitalign.core.working_set import branches_of, has_no_work, only_on_remotes, tips_of, with_branches_of, with_head_of
from gitalign.engine.publishing.push_planning import PushScope, with_push_places
from gitalign.engine.run.filtering import filters_of
from gitalign.engine.run.prepare import prepare, take_snapshot
from gitalign.engine.run.remote_branches import read_remote, with_places_on
from gitalign.engine.runtime.context import run_folder as run_folder
from gitalign.engine.runtime.observers import require_observers
from gitalign.engine.runtime.stream import EventStream, JournalListener
from gitalign.engine.runtime.surroundings import Surroundings, of_process
from gitalign.errors import StoreError, UnknownRun
from gitalign.git.command import ProcessGate
from gitalign.git.refs import read_tips
from gitalign.git.remote import fetch, fetch_branches
from gitalign.git.repository import Repository, open_repository, sharing
from gitalign.git.worktree import work_trees
from gitalign.ports import Journal, Listener, Sockets
from gitalign.shared_files import make_folder, share_folder
from gitalign.store.opening import JournalPlace
from gitalign.store.run_locks import RunLocks
from gitalign.telemetry import AuditTrail, BranchLogs, RunLog

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules


_LOG = logging.getLogger("gitalign.run")


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
        or_remote: take the remote's branches when there are no local ones.
        push: read the remote's tips while planning, so that a push can be leased on them.
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


@dataclass(frozen=True, slots=True)
class OpenRepository:
    """A repository and the settings that hold for it.

    Attributes:
        surroundings: the time, the environment, unpredictable names.
        explicit: where settings come from that were given for this very command.
    """

    repository: Repository
    config: Config
    surroundings: Surroundings
    explicit: tuple[str, ...] = ()

    def now(self) -> datetime:
        """The time in UTC."""
        return self.surroundings.now()


def open_for(request: Request) -> OpenRepository:
    """Open the repository of a request and read its settings.

    Raises:
        NotARepository, GitTooOld, GitMissing, ConfigError
        PluginError: a library that the settings need is missing.
    """
    surroundings = of_process() if request.surroundings is None else request.surroundings
    repository = open_repository(request.repo, environ=surroundings.environ)
    config = load_config(
        file=request.config_file,
        git_dir=Path(repository.common_dir),
        environ=surroundings.environ,
        overrides=request.overrides,
    )
    require_observers(config.telemetry)
    explicit = ("command line", *([str(request.config_file)] if request.config_file is not None else []))
    gated = repository.gated(ProcessGate(config.limits().max_git_processes))
    return OpenRepository(gated, config, surroundings, explicit)


def make_plan(opened: OpenRepository, request: Request, *, whatever_is_checked_out: bool = False) -> Plan:
    """Read the branch list, fetch when asked, take the snapshot and decide.

    Args:
        opened: repository and settings.
        request: what is asked.
        whatever_is_checked_out: take in branches that could not be moved now because a work tree holds them.

    Raises:
        UserError, GitError, RemoteError
    """
    listed: BranchList | None = load_branch_list(request.input) if request.input is not None else None
    filters = filters_of(opened.repository, request, now=int(opened.now().timestamp()))
    settings = opened.config.alignment
    remote = request.remote or settings.remote if request.remote is not None else None
    if request.fetch and remote is not None:
        if not request.push:  # which reads the remote as well
            fetch_branches(opened.repository, remote)
    elif request.fetch:
        fetch(
            opened.repository,
            settings.remote,
            [one.removeprefix(f"{settings.remote}/") for one in settings.targets]
            or _usual_targets(opened.repository, settings.remote),
        )
    told, head = read_remote(opened.repository, remote) if remote is not None and request.push else (None, None)
    seen = take_snapshot(opened.repository, now=opened.now())
    if remote is not None and head is not None:
        seen = with_head_of(seen, remote, head)
    if remote is not None and not request.also_local:
        snapshot = _of_remote(opened, seen, remote, told)
    else:
        snapshot = _with_places(opened, seen)
        if request.push:
            snapshot = _with_push(opened, snapshot, request)
        if remote is not None:
            both = with_branches_of(snapshot, remote, tips_of(seen, remote) if told is None else told)
            snapshot = _on_remote(opened, both)

    def prepared(snapshot: Snapshot) -> Plan:
        return prepare(
            opened.repository,
            replace(snapshot, checkouts=()) if whatever_is_checked_out else snapshot,
            policy=opened.config.policy(),
            wanted=WantedTargets(names=settings.targets, given_by=_given_by(opened.config), remote=settings.remote),
            prefer=settings.remote if request.fetch and (remote is None or request.also_local) else None,
            listed=listed,
            filters=filters,
        ).plan

    made = prepared(snapshot)
    if request.or_remote and remote is None and listed is None and has_no_work(made):
        elsewhere = dict(only_on_remotes(seen, [target.name for target in made.targets]))
        instead = settings.remote if settings.remote in elsewhere or len(elsewhere) != 1 else next(iter(elsewhere))
        if instead in elsewhere:
            made = prepared(_of_remote(opened, seen, instead))
    if request.needs_branches and (listed is None or listed.entries):  # an empty list asks for nothing
        require_branches(made, request.only, is_listed=listed is not None)
    return made


def _of_remote(opened: OpenRepository, seen: Snapshot, remote: str, told: Sequence[Tip] | None = None) -> Snapshot:
    """The snapshot with the branches of a remote: as it said itself, or as the clone knows them."""
    return _on_remote(opened, branches_of(seen, remote, tips_of(seen, remote) if told is None else told))


def _on_remote(opened: OpenRepository, snapshot: Snapshot) -> Snapshot:
    targets = discover_targets(snapshot, opened.config.alignment.targets)
    return with_places_on(opened.repository, snapshot, opened.config.pushing(), targets=targets)


def _given_by(config: Config) -> str:
    """Where targets were named, in words."""
    origin = config.origin("alignment.targets")
    if origin == "command line":
        return TYPED
    return origin if origin.startswith("GITALIGN_") else f"alignment.targets in {origin}"


def _usual_targets(repository: Repository, remote: str) -> tuple[str, ...]:
    """Names to look for on a remote when the operator named no target."""
    head = head_of_remote(read_tips(repository, f"refs/remotes/{remote}/HEAD"), remote)
    return (*([head] if head else []), *PRIMARY_NAMES)


def _with_places(opened: OpenRepository, snapshot: Snapshot) -> Snapshot:
    """The snapshot with where runs put the integration branches that are there; the journal is asked when there are any."""
    before = f"{HEADS}{opened.config.alignment.integration_prefix}/"
    there = {tip.ref for tip in snapshot.tips if tip.ref.startswith(before)}
    if not there or not has_state(opened):
        return snapshot
    with journal_of(opened) as journal:
        return replace(snapshot, placed=tuple(sorted(journal.placed(there).items())))


def _with_push(opened: OpenRepository, snapshot: Snapshot, request: Request) -> Snapshot:
    """The snapshot with where its branches are pushed."""
    settings = opened.config.alignment
    with journal_of(opened) if has_state(opened) else nullcontext() as journal:
        return with_push_places(
            opened.repository,
            snapshot,
            PushScope(
                settings=opened.config.pushing(),
                targets=discover_targets(snapshot, settings.targets),
                only=request.only,
                prefix=settings.integration_prefix,
                backup_prefix=opened.config.orchestration.backup_branch_prefix,
            ),
            journal=journal,
        )


def sockets_of(config: Config) -> Sockets:
    """The plug-ins the configuration names."""
    from gitalign.engine.runtime.plugins import load_sockets

    return load_sockets(
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
        share_folder(repository.state_dir, sharing(repository))
    except OSError as error:
        raise StoreError(
            f"cannot make {repository.state_dir}: {error.strerror}", hint="make the git directory writable"
        ) from error
    journal = journal_place(opened).open()
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def event_stream(
    opened: OpenRepository, journal: Journal, run_id: str, listeners: Sequence[Listener]
) -> Iterator[EventStream]:
    """The event stream of one run, with its journal, log, audit trail and branch logs behind it."""
    folder = run_folder(opened.repository, run_id)
    make_folder(folder)
    settings = opened.config.orchestration
    durable = JournalListener(journal)
    audit = AuditTrail(folder / "audit.jsonl") if settings.audit_trail_enabled else None
    logs = BranchLogs(folder / "logs") if settings.log_per_branch else None
    log = RunLog(folder / "run.log", level=settings.log_level)
    followers: list[Listener] = [durable, log, *(one for one in (audit, logs) if one is not None), *listeners]
    try:
        yield EventStream(run_id, opened.now, followers)
    finally:
        _close(durable.flush, *(one.close for one in (log, audit, logs) if one is not None))


def _close(*ends: Callable[[], None]) -> None:
    """End the followers of a run, every one: what they cannot write is a warning, and what the run did stands."""
    for end in ends:
        try:
            end()
        except (OSError, StoreError) as error:
            _LOG.warning("the log of this run is not complete: %s", error)


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
    return RunLocks(opened.repository.state_dir)


def new_run_id(at: datetime, surroundings: Surroundings) -> RunId:
    """An id that sorts by time and that no other run has."""
    return RunId(f"{at:%Y%m%d-%H%M%S}-{surroundings.token(3)}")
