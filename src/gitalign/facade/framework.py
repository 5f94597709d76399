"""`.cli_framework`: installed into a work tree, removed, put back; added to other branches as commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.run.contexts import new_observed_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import OpenRepository, Request, journal_of, open_for
from gitalign.engine.runtime.space import require_space
from gitalign.errors import NotPermitted, RefLocked, UserError
from gitalign.facade.following import Following, caller_of
from gitalign.framework.contents import Mode, modules_of
from gitalign.framework.installation import Installation, Standing
from gitalign.framework.manifest import Change
from gitalign.framework.merge_to_branch import Addition, BranchAddition, add_to_branches, preview
from gitalign.framework.work_tree import WorkTreeFiles
from gitalign.process_owner import HeldLock, LocksUnavailable

_LOCK = "framework.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkChanges:
    """What changed in a work tree, or would.

    Attributes:
        changes: file by file.
        standing: afterwards; as it is for a dry run.
        dry_run: nothing was changed.
    """

    changes: tuple[Change, ...]
    standing: Standing
    dry_run: bool = False


def framework_status(request: Request) -> Standing:
    """What of the framework is installed in the work tree.

    Raises:
        UserError: no work tree, or an unreadable manifest.
        GitError
    """
    return _installation(open_for(request)).standing()


def framework_install(
    request: Request, mode: str, modules: Sequence[str] = (), *, allow_dirty: bool = False, dry_run: bool = False
) -> FrameworkChanges:
    """Install the files of a mode into the work tree. Copies of what is replaced, and the script that puts it back, are
    written first.

    Args:
        request: which repository.
        mode: `minimal`, `full` or `custom`.
        modules: of mode custom.
        allow_dirty: also when files that git tracks have changes.
        dry_run: change nothing.

    Raises:
        UserError, GitError, OutOfSpace
    """
    chosen = framework_mode(mode)
    names = modules_of(chosen, modules)
    opened = open_for(request)
    with _alone(opened) as installation:
        if not (allow_dirty or dry_run):
            _require_clean(opened)
        changes = installation.install(chosen, names, dry_run=dry_run)
        return FrameworkChanges(changes=changes, standing=installation.standing(), dry_run=dry_run)


def framework_uninstall(
    request: Request, modules: Sequence[str] = (), *, allow_dirty: bool = False, dry_run: bool = False
) -> FrameworkChanges:
    """Remove modules, or everything; files that were changed since they were installed stay.

    Raises:
        UserError, GitError, OutOfSpace
    """
    opened = open_for(request)
    with _alone(opened) as installation:
        if not (allow_dirty or dry_run):
            _require_clean(opened)
        changes = installation.uninstall(modules, dry_run=dry_run)
        return FrameworkChanges(changes=changes, standing=installation.standing(), dry_run=dry_run)


def framework_rollback(request: Request, *, dry_run: bool = False) -> FrameworkChanges:
    """Put the work tree back to how it was before the newest installation, byte for byte.

    Raises:
        UserError: there is none.
        GitError, OutOfSpace
    """
    opened = open_for(request)
    with _alone(opened) as installation:
        changes = installation.rollback(dry_run=dry_run)
        return FrameworkChanges(changes=changes, standing=installation.standing(), dry_run=dry_run)


def framework_preview(request: Request, what: Addition) -> tuple[BranchAddition, ...]:
    """What adding the framework to branches would do. Changes nothing.

    Raises:
        UserError, GitError
    """
    return _previewed(open_for(request), what)


def framework_merge(
    request: Request, what: Addition, *, permit: Permit | None, **following: Unpack[Following]
) -> Report | None:
    """Add the framework to branches as a commit on each. A run, so `undo` puts them back; no work tree is needed.

    Args:
        request: which repository.
        what: is added.
        permit: to move branches.
        following: see `Following`.

    Returns:
        The report; None when every branch has the files already.

    Raises:
        NotPermitted, UserError, GitError, StoreError, OutOfSpace
    """
    if permit is None:
        raise NotPermitted(
            "this would move branches, which was not confirmed", hint="add --yes, or look with --dry-run"
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
        additions = _previewed(opened, what)
        if not any(one.is_needed or one.refusal for one in additions):
            return None
        with new_observed_run(opened, journal, caller) as run:
            add_to_branches(run, what, additions, guard=Guard(opened.repository, opened.config.alignment))
        return stored_report(opened.repository, journal, run.run_id)


def _previewed(opened: OpenRepository, what: Addition) -> tuple[BranchAddition, ...]:
    return preview(opened.repository, what, guard=Guard(opened.repository, opened.config.alignment))


def framework_addition(
    request: Request, branches: Sequence[str], mode: str, modules: Sequence[str] = (), *, backup: bool = False
) -> Addition:
    """What `framework_merge` is asked for, with the operator's settings.

    Raises:
        UserError: no branch, or an unknown mode or module.
    """
    if not branches:
        raise UserError("no branch is named", hint="git align framework merge-to-branch BRANCH")
    chosen = framework_mode(mode)
    return Addition(
        branches=tuple(dict.fromkeys(branches)),
        mode=chosen,
        modules=modules_of(chosen, modules),
        backup=backup,
        backup_prefix=open_for(request).config.orchestration.backup_branch_prefix,
    )


def framework_mode(name: str) -> Mode:
    """The mode of a name.

    Raises:
        UserError
    """
    try:
        return Mode(name)
    except ValueError:
        raise UserError(f"unknown mode {name!r}; the modes are {', '.join(Mode)}", hint="--mode minimal") from None


@contextmanager
def _alone(opened: OpenRepository) -> Iterator[Installation]:
    """The installation, while no other process changes one of this repository.

    Raises:
        RefLocked: another process does.
    """
    installation = _installation(opened)
    state = opened.repository.state_dir
    state.mkdir(parents=True, exist_ok=True)
    try:
        lock = HeldLock.take(state / _LOCK)
    except LocksUnavailable:
        yield installation  # as with runs: a file system without locks cannot say who else is there
        return
    if lock is None:
        raise RefLocked("another process installs the framework in this repository", hint="try again when it has ended")
    try:
        yield installation
    finally:
        lock.release()


def _installation(opened: OpenRepository) -> Installation:
    work_tree = opened.repository.work_tree
    if work_tree is None:
        raise UserError(
            "there is no work tree here", hint="git align framework merge-to-branch BRANCH adds it to branches"
        )
    return Installation(WorkTreeFiles(Path(work_tree)))


def _require_clean(opened: OpenRepository) -> None:
    """Refuse a work tree with changes to files that git tracks.

    Raises:
        UserError
        GitError

    Source: `git help status` (--porcelain, --untracked-files, -z).
    """
    words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty", "-z")
    changed = opened.repository.operator.run(*words).stdout.split(b"\0")[:-1]
    if changed:
        raise UserError(
            f"the work tree has changes that are not committed ({len(changed)} files)",
            hint="commit or stash them, or add --allow-dirty",
        )
