"""Task lists from text: YAML, TOML or JSON of one format, and the checklists of spec-kit."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from gitalign.batches.planning.checks import require_sound
from gitalign.batches.planning.task_list_format import TaskListDocument
from gitalign.batches.planning.tasks import Need, NeedKind, Task, TaskId, TaskList, TaskListError
from gitalign.configuration.model_faults import model_faults
from gitalign.configuration.strict_yaml import NotStrict, load_yaml

_AN_ITEM = re.compile(r"\s*[-*] \[([ xX])\] (?:\*\*)?([A-Za-z]{1,4}[0-9]{1,6}[a-z]?)(?:\*\*)?:?\s+(.*)")
_A_BOX = re.compile(r"\s*[-*] \[.?\]\s")
_A_HEADING = re.compile(r"#{1,6} +(.*)")
_A_LABEL = re.compile(r"\[(P|US[0-9]+)\]\s*")
_DEPENDS = re.compile(
    r"\(?\b(?:depends on|blocked by|after) ((?:[A-Z]{1,4}[0-9]+[a-z]?(?:, | and |,)?)+)\)?", re.IGNORECASE
)
_AN_ID = re.compile(r"[A-Za-z]{1,4}[0-9]+[a-z]?")
_A_PATH = re.compile(r"(?<![\w/.-])(?:[\w.-]+/)+[\w.-]*\w/?|(?<![\w/.-])[\w-]+\.[a-z][a-z0-9]{0,4}(?![\w/.-])")


def read_task_list(text: str, *, name: str) -> TaskList:
    """A task list from its text.

    Args:
        text: of the file.
        name: of the file; its ending says how it is written: `.toml`, `.json`, `.md` for a spec-kit checklist, else YAML.

    Raises:
        TaskListError: with every fault, each with its place and the nearest known name.
    """
    if name.endswith(".md"):
        return read_checklist(text, name=name)
    return task_list_of(parsed(text, name=name), name=name)


def parsed(text: str, *, name: str) -> Any:
    """The values of a YAML, TOML or JSON file.

    Raises:
        TaskListError
    """
    try:
        if name.endswith(".toml"):
            return tomllib.loads(text)
        if name.endswith(".json"):
            return json.loads(text, object_pairs_hook=_without_twins)
        return load_yaml(text)
    except (NotStrict, ValueError, RecursionError) as error:
        kind = {".toml": "TOML", ".json": "JSON"}.get(name[name.rfind(".") :], "YAML")
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise TaskListError([f"{name} is not valid {kind}: {why}"]) from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twin!r} is used twice")
    return values


def task_list_of(data: Any, *, name: str) -> TaskList:
    """A task list from values.

    Raises:
        TaskListError
    """
    if not isinstance(data, dict):
        raise TaskListError([f"{name} must hold the key tasks"])
    try:
        tasks = TaskListDocument.model_validate(data).value()
        require_sound(tasks)
    except ValidationError as error:
        faults = model_faults(error, data, TaskListDocument, whole="the list")
        raise TaskListError([f"{name}: {fault}" for fault in faults]) from error
    except TaskListError as error:
        raise TaskListError([f"{name}: {fault}" for fault in error.faults]) from error
    return tasks


def read_checklist(text: str, *, name: str) -> TaskList:
    """Tasks of a spec-kit `tasks.md`: open items, in phases.

    An item marked `[P]` can run beside its neighbours; one without it waits for all items before it in its phase, and those
    after it wait for it. Phases follow one another. `(depends on T001, T002)` is a hard dependency, the order is a soft one.
    Paths in an item say what it touches. Items that are ticked are done, and are left out. An item says nothing of how it
    is run: `with_command` adds that.

    Raises:
        TaskListError
    """
    tasks: list[Task] = []
    done: set[TaskId] = set()
    faults: list[str] = []
    before: tuple[TaskId, ...] = ()  # what the present group waits for
    group: list[TaskId] = []  # items that run side by side
    for number, line in enumerate(text.splitlines(), 1):
        if _A_HEADING.fullmatch(line.strip()):
            before, group = (tuple(group) or before), []
            continue
        item = _AN_ITEM.fullmatch(line)
        if item is None:
            if _A_BOX.match(line):
                faults.append(
                    f"{name}: line {number}: an item is `- [ ] T001 Title`, or `- [x] T001 Title` when it is done"
                )
            continue
        task_id = item[2].upper()
        if item[1] in "xX":
            done.add(task_id)
            continue
        is_parallel = "P" in _A_LABEL.findall(item[3])
        if not is_parallel and group:
            before, group = tuple(group), []
        task = _item(task_id, item[3], before)
        tasks.append(task)
        group.append(task_id)
        if not is_parallel:
            before, group = (task_id,), []
    if not tasks and not done:
        faults.append(f"{name} holds no item such as `- [ ] T001 [P] Title`")
    if faults:
        raise TaskListError(faults)
    listed = TaskList(tasks=tuple(_without(task, done) for task in tasks))
    try:
        require_sound(listed)
    except TaskListError as error:
        raise TaskListError([f"{name}: {fault}" for fault in error.faults]) from error
    return listed


def _item(task_id: TaskId, words: str, before: Sequence[TaskId]) -> Task:
    title = _A_LABEL.sub("", words).strip()
    named = [one.upper() for found in _DEPENDS.findall(title) for one in _AN_ID.findall(found)]
    hard = [one for one in dict.fromkeys(named) if one != task_id]
    soft = [one for one in before if one not in hard]
    plain = _DEPENDS.sub("", title)
    paths = dict.fromkeys(path for path in _A_PATH.findall(plain) if ".." not in path.split("/"))
    return Task(
        id=task_id,
        title=title,
        needs=(*(Need(one) for one in hard), *(Need(one, NeedKind.SOFT) for one in soft)),
        touches=tuple(f"/{path}" for path in paths),
        expects_changes=True,
    )


def _without(task: Task, done: set[TaskId]) -> Task:
    return replace(task, needs=tuple(need for need in task.needs if need.task not in done))


def with_command(tasks: TaskList, command: Sequence[str]) -> TaskList:
    """The list with a command for tasks that have none. `{id}` and `{title}` in its words stand for the task's.

    The words are never read by a shell, so that a title is one argument whatever it holds.
    """

    def filled(task: Task) -> Task:
        if task.argv is not None or task.branch is not None:
            return task
        return replace(task, argv=tuple(_filled(word, task) for word in command))

    return replace(tasks, tasks=tuple(map(filled, tasks.tasks)))


def _filled(word: str, task: Task) -> str:
    return re.sub(r"\{(id|title)\}", lambda found: task.id if found[1] == "id" else task.title, word)
