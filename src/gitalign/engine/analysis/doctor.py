"""The doctor: looks at everything a run depends on and says what to do about what it finds. Changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.names import HEADS, display, shell_word
from gitalign.core.plan import Plan
from gitalign.core.programs import Program
from gitalign.core.run import UNFINISHED, RunRecord, RunState
from gitalign.core.selection import target_fault
from gitalign.core.snapshot import Checkout, CheckoutState
from gitalign.core.validation import ValidationPlan
from gitalign.engine.analysis.broken_refs import broken_refs
from gitalign.engine.analysis.mirrors import mirrors
from gitalign.engine.analysis.push_guards import push_guards
from gitalign.engine.publishing.anchor import broken_anchors
from gitalign.engine.runtime.space import LEAST_FREE_BYTES
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import GitAlignError, UserError
from gitalign.git.command import text
from gitalign.git.program import git_version
from gitalign.git.refs import read_tips
from gitalign.git.repository import MINIMUM_GIT, Repository, open_repository
from gitalign.git.scratch import leftovers
from gitalign.git.worktree import read_checkouts
from gitalign.store.run_locks import RunLocks
from gitalign.validate.confine import confinement_for
from gitalign.validate.programs import ProgramHost, prepared


class _Runs(Protocol):
    def runs_in(self, states: Collection[RunState]) -> tuple[RunRecord, ...]: ...

    def close(self) -> None: ...


def examine(
    path: Path | str,
    *,
    surroundings: Surroundings,
    load: Callable[[], object],
    journal: Callable[[Path], _Runs | None],
    programs: Callable[[], tuple[Sequence[Program], ValidationPlan]],
    plan: Callable[[], Plan],
) -> tuple[Diagnosis, ...]:
    """Look at git, the repository, settings, store, disk, locks and work trees.

    Args:
        path: any path inside the repository.
        surroundings: the environment.
        load: reads the configuration; raises what is wrong with it.
        journal: opens the database of a repository's state directory, None when there is none yet.
        programs: that are to settle conflicts, and how they are confined; raises what is wrong with the configuration.
        plan: what a run would do now.
    """
    found = [_git(surroundings), _tools()]
    try:
        repository = open_repository(path, environ=surroundings.environ)
    except GitAlignError as error:
        return (*found, Diagnosis(check="repository", ok=False, detail=error.message, hint=error.hint))
    where = repository.work_tree or repository.common_dir
    kind = f"{where}, {repository.object_format}{', bare' if repository.is_bare else ''}"
    kind += "".join(f", as {name} says" for name in ("GIT_DIR", "GIT_WORK_TREE") if name in surroundings.environ)
    found.append(Diagnosis(check="repository", ok=True, detail=kind))
    if repository.is_shallow:
        found.append(
            Diagnosis(
                check="history",
                ok=None,
                detail="shallow: branches whose base is cut off are refused",
                hint="git fetch --unshallow",
            )
        )
    found += [
        _settings(load),
        _identity(repository),
        _space(repository),
        _store(repository, journal),
        _locks(repository),
        _anchors(repository),
        _confinement(repository),
        _leftovers(),
        *_programs(repository, programs, surroundings),
        _targets(plan),
        *_refs(repository),
        *mirrors(repository),
        *push_guards(repository),
    ]
    found += _work_trees(repository, plan)
    return tuple(found)


def _git(surroundings: Surroundings) -> Diagnosis:
    try:
        version = git_version(path=surroundings.environ.get("PATH"))
    except GitAlignError as error:
        return Diagnosis(check="git", ok=False, detail=error.message, hint=error.hint)
    named = ".".join(map(str, version))
    if version < MINIMUM_GIT:
        return Diagnosis(check="git", ok=False, detail=f"{named} is too old", hint="install git 2.38 or newer")
    return Diagnosis(check="git", ok=True, detail=named)


def _tools() -> Diagnosis:
    missing = [tool for tool in ("stdbuf", "setpriv") if shutil.which(tool) is None]
    if missing:
        return Diagnosis(
            check="tools",
            ok=None,
            detail=f"without {' and '.join(missing)}: slower on git before 2.49, or children may outlive a kill -9",
            hint="install coreutils and util-linux",
        )
    return Diagnosis(check="tools", ok=True, detail="stdbuf, setpriv")


def _settings(load: Callable[[], object]) -> Diagnosis:
    try:
        load()
    except GitAlignError as error:
        return Diagnosis(check="configuration", ok=False, detail=error.message, hint=error.hint)
    return Diagnosis(check="configuration", ok=True, detail="readable, every key known")


def _identity(repository: Repository) -> Diagnosis:
    done = repository.operator.run("var", "GIT_COMMITTER_IDENT", accept=range(256))
    if done.returncode != 0:
        return Diagnosis(
            check="identity",
            ok=False,
            detail="git does not know who you are",
            hint='git config --global user.name "Your Name" && git config --global user.email you@example.org',
        )
    return Diagnosis(check="identity", ok=True, detail=text(done.stdout).rsplit(" ", 2)[0])


def _space(repository: Repository) -> Diagnosis:
    free = shutil.disk_usage(repository.common_dir).free
    if not os.access(repository.common_dir, os.W_OK):
        return Diagnosis(
            check="disk",
            ok=False,
            detail=f"{repository.common_dir} is not writable",
            hint="run as its owner, or have it shared with your group: git help init, --shared",
        )
    enough = free >= LEAST_FREE_BYTES
    return Diagnosis(
        check="disk", ok=enough, detail=f"{free // (1024 * 1024)} MiB free", hint="" if enough else "free some space"
    )


def _store(repository: Repository, journal: Callable[[Path], _Runs | None]) -> Diagnosis:
    try:
        opened = journal(repository.state_dir)
        if opened is None:
            return Diagnosis(check="journal", ok=True, detail="nothing was run here yet")
        with closing(opened):
            open_ones = opened.runs_in((*UNFINISHED, RunState.INTERRUPTED))
    except GitAlignError as error:
        return Diagnosis(check="journal", ok=False, detail=error.message, hint=error.hint)
    locks = RunLocks(repository.state_dir)
    under_way = [one.id for one in open_ones if one.state in UNFINISHED and locks.is_alive(one.owner)]
    unfinished = [one.id for one in open_ones if one.id not in under_way]
    if unfinished:
        return Diagnosis(
            check="journal", ok=None, detail=f"unfinished: {', '.join(unfinished)}", hint="git align resume"
        )
    if under_way:
        return Diagnosis(check="journal", ok=True, detail=f"under way: {', '.join(under_way)}")
    return Diagnosis(check="journal", ok=True, detail="no unfinished run")


def _locks(repository: Repository) -> Diagnosis:
    common = Path(repository.common_dir)
    names = [
        lock
        for lock in ("packed-refs.lock", "config.lock", "HEAD.lock", "index.lock", "shallow.lock")
        if (common / lock).exists()
    ]
    names += (
        [str(lock.relative_to(common)) for lock in (common / HEADS).rglob("*.lock")]
        if (common / HEADS).is_dir()
        else []
    )
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        return Diagnosis(
            check="locks",
            ok=None,
            detail=f"present: {shown}",
            hint="if no git process is at work: git align resume removes ours, others are yours to remove",
        )
    return Diagnosis(check="locks", ok=True, detail="none")


def _anchors(repository: Repository) -> Diagnosis:
    """Whether the refs that pin commits of runs name only what is there; an earlier release could leave others."""
    try:
        broken = broken_anchors(repository)
    except GitAlignError as error:
        return Diagnosis(check="anchors", ok=None, detail=error.message, hint=error.hint)
    if not broken:
        return Diagnosis(check="anchors", ok=True, detail="every commit they name is there")
    count = sum(len(one.missing) for one in broken)
    return Diagnosis(
        check="anchors",
        ok=False,
        detail=f"{', '.join(one.ref for one in broken[:3])}{' and others' if len(broken) > 3 else ''}: {count} of the commits"
        " they name are not in the repository, so that git gc and git fsck fail",
        hint="git align resume",
    )


def _confinement(repository: Repository) -> Diagnosis:
    """How checks would be confined here, whether any are configured or not."""
    found = confinement_for(ValidationPlan(), Path(repository.common_dir))
    is_best = found.name == "bubblewrap"
    hint = "" if is_best else "install bubblewrap, so that checks cannot reach the network or the operator's files"
    return Diagnosis(check="checks", ok=True if is_best else None, detail=found.words, hint=hint)


def _programs(
    repository: Repository,
    programs: Callable[[], tuple[Sequence[Program], ValidationPlan]],
    surroundings: Surroundings,
) -> list[Diagnosis]:
    """Whether every program that is to settle conflicts can be started; nothing where none is configured."""
    try:
        asked, plan = programs()
    except GitAlignError:
        return []  # what is wrong with the configuration is reported by itself
    try:
        host = ProgramHost(plan, Path(repository.common_dir), surroundings.environ)
        faults = [prepared(one, host) for one in asked]
    except GitAlignError as error:
        return [Diagnosis(check="programs", ok=False, detail=error.message, hint=error.hint)]
    told = "; ".join(filter(None, faults))
    if told:
        return [
            Diagnosis(
                check="programs", ok=False, detail=told, hint="install it, or mend resolutions in the configuration"
            )
        ]
    return [Diagnosis(check="programs", ok=True, detail=", ".join(one.name for one in asked))] if asked else []


def _leftovers() -> Diagnosis:
    """Folders in the temporary directory that a killed process left, with contents of files in them."""
    found = leftovers()
    if not found:
        return Diagnosis(check="leftovers", ok=True, detail="none in the temporary directory")
    shown = ", ".join(map(str, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return Diagnosis(check="leftovers", ok=None, detail=f"of a killed run: {shown}", hint="the next run removes them")


def _targets(plan: Callable[[], Plan]) -> Diagnosis:
    """Whether the target branches are there."""
    try:
        made = plan()
    except UserError as error:
        return Diagnosis(check="targets", ok=False, detail=error.message, hint=error.hint)
    except GitAlignError as error:
        return Diagnosis(check="targets", ok=None, detail=f"cannot be judged: {error.message}", hint=error.hint)
    fault = target_fault(made)
    if fault is not None:
        return Diagnosis(check="targets", ok=False, detail=fault.message, hint=fault.hint)
    return Diagnosis(check="targets", ok=True, detail=", ".join(display(target.name) for target in made.targets))


def _refs(repository: Repository) -> list[Diagnosis]:
    """Refs that lead nowhere."""
    try:
        found = broken_refs(repository)
    except GitAlignError as error:
        return [Diagnosis(check="refs", ok=False, detail=error.message, hint="git fsck")]
    made: list[Diagnosis] = []
    for one in found[:_MOST_REFS]:
        hint = (
            f"git symbolic-ref --delete {shell_word(one.ref)}"
            if one.is_dangling
            else "fetch it again; git fsck says more"
        )
        made.append(
            Diagnosis(check="ref", ok=None if one.is_dangling else False, detail=f"{one.ref}: {one.reason}", hint=hint)
        )
    if len(found) > _MOST_REFS:
        made.append(Diagnosis(check="refs", ok=False, detail=f"{len(found) - _MOST_REFS} more lead nowhere"))
    return made or [Diagnosis(check="refs", ok=True, detail="every one leads to an object")]


_MOST_REFS = 20


def _work_trees(repository: Repository, plan: Callable[[], Plan]) -> list[Diagnosis]:
    """Work trees that hold their branches back, and those that would if their branches were aligned now."""
    try:
        branches = {tip.ref for tip in read_tips(repository)}
        checkouts = read_checkouts(repository, of_interest=branches)
    except GitAlignError as error:
        return [Diagnosis(check="work trees", ok=False, detail=error.message, hint=error.hint)]
    found = [_held_back(one) for one in checkouts if one.state is not CheckoutState.CLEAN]
    if any(one.state is CheckoutState.CLEAN for one in checkouts):
        try:
            planned = plan().snapshot.checkouts
        except GitAlignError as error:
            words = f"whether untracked files are in the way of any cannot be judged: {error.message}"
            return [*found, Diagnosis(check="work trees", ok=None, detail=words, hint=error.hint)]
        found += [_held_back(one) for one in planned if one.state is CheckoutState.OBSTRUCTED]
    return found or [Diagnosis(check="work trees", ok=True, detail="every one is clean")]


def _held_back(one: Checkout) -> Diagnosis:
    hint = "move or delete those files" if one.state is CheckoutState.OBSTRUCTED else ""
    words = f"{one.path}: {one.ref} is held back ({one.state}{': ' + one.detail if one.detail else ''})"
    return Diagnosis(check="work tree", ok=None, detail=words, hint=hint)
