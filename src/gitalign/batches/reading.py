"""Plans and task lists from files that an operator names. Commands are never taken from a file that a branch could change."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gitalign.batches.planning.branches import is_order_plan, plan_of_order
from gitalign.batches.planning.checks import nearest
from gitalign.batches.planning.earlier import NOTHING_KNOWN, Foresight
from gitalign.batches.planning.make_plan import DEFAULT_RULES, PlanRules, judged, make_plan
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import from_dict, with_tasks
from gitalign.batches.planning.read_tasks import parsed, read_checklist, task_list_of, with_command
from gitalign.batches.planning.tasks import PlanUnusable, Task, TaskList, TaskListError
from gitalign.batches.running.state import BatchRun
from gitalign.core.names import HEADS, display, ref_of
from gitalign.errors import NotARepository
from gitalign.git.environment import LOCATION_VARIABLES
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.input_file import read_bounded

_LARGEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSource:
    """What a plan is made from.

    Attributes:
        file: a task list, a checklist, a batch plan, or the plan of `git align order`.
        tasks: a task list for a plan that does not say how its tasks are run.
        command: words for tasks that have no command; `{id}` and `{title}` stand for the task's.
        target: branch that results land on; None for the one in the file.
        commit_leftovers: commit what any task leaves uncommitted in its name, whatever the file says.
        rules: how tasks are put into batches.
        reads_history: plan with what earlier runs showed of the tasks.
    """

    file: Path
    tasks: Path | None = None
    command: Sequence[str] = ()
    target: str | None = None
    commit_leftovers: bool = False
    rules: PlanRules = DEFAULT_RULES
    reads_history: bool = True


def read_plan(
    repository: Repository,
    source: PlanSource,
    *,
    at: datetime,
    foresight: Callable[[TaskList], Foresight] = lambda _: NOTHING_KNOWN,
) -> BatchPlan:
    """The plan that a file is, or that is made of its tasks.

    Args:
        repository: the repository.
        source: of the plan.
        at: UTC.
        foresight: what earlier runs showed of tasks. A file that says which batches there are is taken as it is.

    Raises:
        TaskListError: with every fault and its place.
        PlanUnusable: it does not say what to run, or a branch could change it.
        Unreadable: a file cannot be read.
    """
    name = source.file.name
    text = _text(source.file)
    data = read_checklist(text, name=name) if name.endswith(".md") else parsed(text, name=name)
    listed = _listed(data, name=name)
    if listed is not None:
        known = foresight(_as_given(listed, source)) if source.reads_history and source.tasks is None else NOTHING_KNOWN
        plan = make_plan(listed, project_id=project_id_of(repository), at=at, foresight=known, rules=source.rules)
    else:
        plan = _plan_of(repository, data, source, at)
    if plan.task_list is not None:
        _require_ours(repository, source.file, plan.task_list)
    if source.tasks is not None:
        listed = _task_list(source.tasks)
        _require_ours(repository, source.tasks, listed)
        plan = judged(with_tasks(plan, listed, name=name))
    if plan.task_list is None:
        raise PlanUnusable(f"{name} does not say how its tasks are run", hint="add --tasks FILE")
    tasks = _as_given(plan.task_list, source)
    bare = [task.id for task in tasks.tasks if task.argv is None and task.branch is None]
    if bare:
        raise PlanUnusable(
            f"{name}: {len(bare)} tasks have no command, first {bare[0]}",
            hint="add --command, for example: --command 'agent {title}'",
        )
    require_branches(repository, tasks.tasks)
    return replace(plan, task_list=tasks)


def require_branches(repository: Repository, tasks: Sequence[Task]) -> None:
    """Refuse tasks that are branches which the repository does not have.

    Raises:
        TaskListError: with the nearest name of each.
        GitError
    """
    named = [(task.id, task.branch) for task in tasks if task.branch is not None]
    if not named:
        return
    known = {ref.removeprefix(HEADS) for ref in read_refs(repository, HEADS)}
    faults = [
        f"task {display(task_id)}: there is no branch {display(name)} in this repository{nearest(name, known)}"
        for task_id, name in named
        if name not in known
    ]
    if faults:
        raise TaskListError(faults, hint="git branch --list; a branch of a remote must be made here first")


def moved_branches(repository: Repository, run: BatchRun) -> tuple[str, ...]:
    """Branches that a run took as results, and that stand elsewhere now: what they gained since is not what it landed.

    Raises:
        GitError
    """
    tasks = run.plan.task_list.tasks if run.plan.task_list is not None else ()
    taken = {
        task.branch: run.tasks[task.id].result for task in tasks if task.branch is not None and task.id in run.tasks
    }
    stand = read_refs(repository, HEADS) if taken else {}
    return tuple(name for name, result in taken.items() if stand.get(ref_of(name)) != result)


def project_id_of(repository: Repository) -> uuid.UUID:
    """The id of a repository in plans: the same as long as it stays where it is."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"file://{os.path.realpath(repository.common_dir)}")


def _as_given(tasks: TaskList, source: PlanSource) -> TaskList:
    """The tasks with what is given beside the file."""
    tasks = with_command(tasks, source.command) if source.command else tasks
    tasks = replace(tasks, target=source.target or tasks.target)
    if source.commit_leftovers:
        tasks = replace(tasks, tasks=tuple(replace(task, commits_leftovers=True) for task in tasks.tasks))
    return tasks


def _listed(data: Any, *, name: str) -> TaskList | None:
    """The tasks of a file that does not say which batches there are."""
    if isinstance(data, TaskList):
        return data
    if is_order_plan(data) or (isinstance(data, dict) and "batches" in data):
        return None
    return task_list_of(data, name=name)


def _plan_of(repository: Repository, data: Any, source: PlanSource, at: datetime) -> BatchPlan:
    name = source.file.name
    if is_order_plan(data):
        return plan_of_order(data, target=source.target, project_id=project_id_of(repository), at=at, name=name)
    plan = from_dict(data, name=name)
    return plan if plan.mode is not None else judged(plan)


def _task_list(file: Path) -> TaskList:
    text = _text(file)
    if file.name.endswith(".md"):
        return read_checklist(text, name=file.name)
    return task_list_of(parsed(text, name=file.name), name=file.name)


def _text(file: Path) -> str:
    try:
        return read_bounded(file, most_bytes=_LARGEST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskListError([f"{file} is not UTF-8"]) from error


def _require_ours(repository: Repository, file: Path, tasks: TaskList) -> None:
    """Refuse commands from a file that git tracks in a work tree of the repository: a branch could change it.

    Raises:
        PlanUnusable
        GitError: git cannot say whose the file is.
    """
    if not any(task.argv is not None or task.setup is not None or task.verify is not None for task in tasks.tasks):
        return
    real = Path(os.path.realpath(file))
    if any(_tracks(one, real) for one in (repository, _around(repository, real.parent)) if one is not None):
        raise PlanUnusable(
            f"{file} says what to run and is tracked by git, so a branch could change it",
            hint="copy it to a place outside of the repository, look at it, and use that",
        )


def _around(repository: Repository, folder: Path) -> Repository | None:
    """The work tree of the repository that a folder is in, whatever `GIT_DIR` and its like name; None where it is in none."""
    environ = {name: value for name, value in os.environ.items() if name not in LOCATION_VARIABLES}
    try:
        around = open_repository(folder, executable=repository.git.executable, environ=environ)
    except NotARepository:
        if any(os.path.lexists(above / ".git") for above in (folder, *folder.parents)):
            raise  # one that git does not open now says nothing about what it tracks
        return None
    same = os.path.realpath(around.common_dir) == os.path.realpath(repository.common_dir)
    return around if same else None


def _tracks(repository: Repository, file: Path) -> bool:
    """Whether a file is tracked in a work tree. Source: `git help ls-files` (--error-unmatch: exit code 1)."""
    if repository.work_tree is None or not file.is_relative_to(os.path.realpath(repository.work_tree)):
        return False
    path = os.path.relpath(file, os.path.realpath(repository.work_tree))
    words = ("ls-files", "--error-unmatch", "--", f":(top,literal){path}")
    return repository.operator.run(*words, accept=(0, 1)).returncode == 0
