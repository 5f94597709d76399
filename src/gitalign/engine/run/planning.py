"""A plan made in an opened repository: what is fetched, what is looked at, and what is decided from it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from gitalign.configuration.load import Config
from gitalign.core.long_lived import PRIMARY_NAMES
from gitalign.core.names import HEADS
from gitalign.core.plan import Plan
from gitalign.core.selection import require_branches
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.targets import TYPED, WantedTargets, discover_targets, head_of_remote
from gitalign.core.working_set import branches_of, has_no_work, only_on_remotes, tips_of, with_branches_of, with_head_of
from gitalign.engine.run.filtering import filters_of
from gitalign.engine.run.planned_history import deciding_files
from gitalign.engine.run.prepare import Wishes, prepare
from gitalign.engine.run.session import OpenRepository, Request, has_state, journal_of
from gitalign.engine.runtime.snapshots import take_snapshot
from gitalign.git.configured import Configured, configured
from gitalign.git.refs import read_tips
from gitalign.git.remote import fetch, fetch_branches
from gitalign.git.repository import Repository

if TYPE_CHECKING:
    from gitalign.configuration.branch_list import BranchList


def make_plan(opened: OpenRepository, request: Request, *, whatever_is_checked_out: bool = False) -> Plan:
    """Read the branch list, fetch when asked, take the snapshot and decide.

    Args:
        opened: repository and settings.
        request: what is asked.
        whatever_is_checked_out: take in branches that could not be moved now because a work tree holds them.

    Raises:
        UserError, GitError, RemoteError
    """
    listed = _listed(request)
    filters = filters_of(opened.repository, request, now=int(opened.now().timestamp()))
    settings = opened.config.alignment
    remote = request.remote or settings.remote if request.remote is not None else None
    _fetch(opened, request, remote)
    files = deciding_files(opened.repository.common_dir)
    seen, snapshot, configuration = _looked_at(opened, request, remote)
    wishes = Wishes(
        policy=opened.config.policy(),
        wanted=WantedTargets(names=settings.targets, given_by=_given_by(opened.config), remote=settings.remote),
        prefer=settings.remote if request.fetch and (remote is None or request.also_local) else None,
        listed=listed,
        filters=filters,
    )

    def prepared(snapshot: Snapshot) -> Plan:
        seen = replace(snapshot, checkouts=()) if whatever_is_checked_out else snapshot
        found = prepare(opened.repository, seen, wishes, configuration)
        opened.history.keep(found, settings=opened.given, files=files)
        return found.plan

    made = prepared(snapshot)
    if request.or_remote and remote is None and listed is None and has_no_work(made):
        elsewhere = dict(only_on_remotes(seen, [target.name for target in made.targets]))
        instead = settings.remote if settings.remote in elsewhere or len(elsewhere) != 1 else next(iter(elsewhere))
        if instead in elsewhere:
            made = prepared(_of_remote(opened, seen, instead))
    if request.needs_branches and (listed is None or listed.entries):  # an empty list asks for nothing
        require_branches(made, request.only, is_listed=listed is not None)
    return made


def _listed(request: Request) -> BranchList | None:
    if request.input is None:
        return None
    from gitalign.configuration.branch_list import load_branch_list

    return load_branch_list(request.input)


def _fetch(opened: OpenRepository, request: Request, remote: str | None) -> None:
    """Fetch what is asked for: targets, or the branches of a remote, unless these are read for a push anyway."""
    settings = opened.config.alignment
    if not request.fetch:
        return
    if remote is not None:
        if not request.push:
            fetch_branches(opened.repository, remote)
        return
    names = [one.removeprefix(f"{settings.remote}/") for one in settings.targets]
    fetch(opened.repository, settings.remote, names or _usual_targets(opened.repository, settings.remote))


def _look(opened: OpenRepository, request: Request) -> tuple[Snapshot, Configured]:
    """Refs, work trees and configuration, as they were looked at just now for the same request, or looked at now."""
    look = opened.history.take_look()
    is_changed_since = request.fetch or request.push or request.remote is not None
    if look is None or is_changed_since or look[0].repository != opened.repository.common_dir:
        look = take_snapshot(opened.repository, now=opened.now()), configured(opened.repository)
    opened.history.note_configuration(opened.repository.common_dir, look[1])
    return look


def _looked_at(opened: OpenRepository, request: Request, remote: str | None) -> tuple[Snapshot, Snapshot, Configured]:
    """The repository as it is seen here, the same with what a plan has to know of remotes, and git's configuration.

    A remote is read first: what it has is fetched, which changes what is seen here.
    """
    told, head = None, None
    if remote is not None and request.push:
        from gitalign.engine.run.remote_branches import read_remote

        told, head = read_remote(opened.repository, remote)
    here, configuration = _look(opened, request)
    seen = here if remote is None or head is None else with_head_of(here, remote, head)
    if remote is not None and not request.also_local:
        return seen, _of_remote(opened, seen, remote, told), configuration
    snapshot = _with_places(opened, seen)
    if request.push:
        snapshot = _with_push(opened, snapshot, request)
    if remote is not None:
        both = with_branches_of(snapshot, remote, tips_of(seen, remote) if told is None else told)
        snapshot = _on_remote(opened, both)
    return seen, snapshot, configuration


def _of_remote(opened: OpenRepository, seen: Snapshot, remote: str, told: Sequence[Tip] | None = None) -> Snapshot:
    """The snapshot with the branches of a remote: as it said itself, or as the clone knows them."""
    return _on_remote(opened, branches_of(seen, remote, tips_of(seen, remote) if told is None else told))


def _on_remote(opened: OpenRepository, snapshot: Snapshot) -> Snapshot:
    from gitalign.engine.run.remote_branches import with_places_on

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
    from gitalign.engine.publishing.push_planning import PushScope, with_push_places

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
