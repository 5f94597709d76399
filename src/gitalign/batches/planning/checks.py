"""Faults of a task list that no file format can rule out: ids, dependencies, patterns."""

from __future__ import annotations

import difflib
import graphlib
from collections import Counter
from collections.abc import Iterable, Sequence

import pathspec

from gitalign.batches.planning.tasks import SECRET_FILE, NeedKind, Task, TaskId, TaskList, TaskListError
from gitalign.core.names import display, name_fault
from gitalign.core.path_overlap import pattern_fault

MOST_TASKS = 10_000
_LONGEST_ID = 100
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def require_sound(tasks: TaskList) -> None:
    """Refuse a list with duplicate or unusable ids, dependencies on nothing or in a circle, or patterns that name no path.

    Raises:
        TaskListError: with every fault.
    """
    faults = [*_of_ids(tasks.tasks), *_of_needs(tasks.tasks), *_of_patterns(tasks.tasks), *_of_secrets(tasks.tasks)]
    if len(tasks.tasks) > MOST_TASKS:
        faults.insert(0, f"tasks: {len(tasks.tasks)} tasks, at most {MOST_TASKS} are possible")
    if not faults and (circle := hard_circle(tasks.tasks)):
        faults.append(f"tasks: a circle of dependencies: {' -> '.join(map(display, circle))}")
    if faults:
        raise TaskListError(faults)


def hard_circle(tasks: Sequence[Task]) -> list[TaskId]:
    """Ids of a circle of hard dependencies, the first one again at the end; empty when there is none."""
    try:
        graphlib.TopologicalSorter({task.id: task.hard_needs for task in tasks}).prepare()
    except graphlib.CycleError as error:
        # From a task to the one that waits for it (`graphlib.CycleError`); people read it the other way round.
        return list(reversed(error.args[1]))
    return []


def nearest(word: str, known: Iterable[str]) -> str:
    """Words that name the nearest known name, to stand behind a fault; empty when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {display(near[0])}?" if near else ""


def _of_ids(tasks: Sequence[Task]) -> list[str]:
    counts = Counter(task.id for task in tasks)
    faults = [f"tasks: the id {display(one)} is used {count} times" for one, count in counts.items() if count > 1]
    for number, task in enumerate(tasks):
        fault = name_fault(task.id) if task.branch is not None else _id_fault(task.id)
        if fault is not None:
            faults.append(f"tasks[{number}].id: {display(task.id)!r} {fault}")
        if task.branch is not None and task.branch != task.id and (fault := name_fault(task.branch)) is not None:
            faults.append(f"tasks[{number}].branch: {display(task.branch)!r} {fault}")
    return faults


def _id_fault(word: str) -> str | None:
    """What keeps a text from being a task's id. It becomes part of a ref's name and of a folder's."""
    if not set(word) <= _SAFE:
        return "holds signs other than letters, digits, '.', '_' and '-'"
    if len(word) > _LONGEST_ID:
        return f"is longer than {_LONGEST_ID} characters"
    if word[:1] in ("-", "."):
        return "begins with '-' or '.'"
    return name_fault(word)


def _of_needs(tasks: Sequence[Task]) -> list[str]:
    known = {task.id for task in tasks}
    faults: list[str] = []
    for task in tasks:
        seen: set[TaskId] = set()
        for number, need in enumerate(task.needs):
            place = f"task {display(task.id)}: needs[{number}]"
            if need.task == task.id:
                faults.append(f"{place}: the task depends on itself")
            elif need.task not in known:
                faults.append(f"{place}: there is no task {display(need.task)}{nearest(need.task, known - {task.id})}")
            elif need.task in seen:
                faults.append(f"{place}: {display(need.task)} is named twice")
            seen.add(need.task)
    return faults


def _of_patterns(tasks: Sequence[Task]) -> list[str]:
    return [
        f"task {display(task.id)}: touches[{number}]: {display(pattern)!r} {fault}"
        for task in tasks
        for number, pattern in enumerate(task.touches)
        if (fault := pattern_fault(pattern)) is not None
    ] + [
        f"task {display(task.id)}: setup.files[{number}]: {display(pattern)!r} {fault}"
        for task in tasks
        if task.setup is not None
        for number, pattern in enumerate(task.setup.files)
        if (fault := pattern_fault(pattern) or _unreadable(pattern)) is not None
    ]


def _unreadable(pattern: str) -> str | None:
    """What keeps a text from being a pattern of a `.gitignore`; None when nothing does."""
    try:
        pathspec.GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return "is not a pattern of a .gitignore"
    return None


def _of_secrets(tasks: Sequence[Task]) -> list[str]:
    faults: list[str] = []
    for task in tasks:
        given = {*task.variables, *task.environment}
        for secret in task.secrets:
            place = f"task {display(task.id)}: secrets.{secret.name}"
            if secret.file is not None and not secret.file.startswith(("/", "~")):
                faults.append(f"{place}: {display(secret.file)!r} is neither absolute nor below ~")
            if secret.command is not None and "/" in secret.command[0] and not secret.command[0].startswith("/"):
                faults.append(f"{place}: {display(secret.command[0])!r} is neither a name nor absolute")
            if taken := given & {secret.name, f"{secret.name}{SECRET_FILE}"}:
                faults.append(f"{place}: {', '.join(sorted(taken))} is also in environment or variables")
    return faults


def soft_needs(tasks: Sequence[Task]) -> tuple[dict[TaskId, tuple[TaskId, ...]], tuple[tuple[TaskId, TaskId], ...]]:
    """Soft dependencies that can be followed, by task; and (task, need) of those that would close a circle.

    Hard dependencies win over soft ones, and soft ones win in the order in which they are written.
    """
    before: dict[TaskId, set[TaskId]] = {task.id: set(task.hard_needs) for task in tasks}
    kept: dict[TaskId, tuple[TaskId, ...]] = {}
    dropped: list[tuple[TaskId, TaskId]] = []
    for task in tasks:
        for need in task.needs:
            if need.kind is not NeedKind.SOFT:
                continue
            if _reaches(before, need.task, task.id):
                dropped.append((task.id, need.task))
            else:
                before[task.id].add(need.task)
                kept[task.id] = (*kept.get(task.id, ()), need.task)
    return kept, tuple(dropped)


def _reaches(before: dict[TaskId, set[TaskId]], start: TaskId, end: TaskId) -> bool:
    """Whether `end` comes, at any distance, before `start`."""
    waiting, seen = [start], {start}
    while waiting:
        one = waiting.pop()
        if one == end:
            return True
        fresh = before[one] - seen
        seen |= fresh
        waiting += fresh
    return False
