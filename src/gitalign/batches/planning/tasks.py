"""Tasks as values: what is run or merged, what it waits for, what it says it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gitalign.errors import UserError

TaskId = str
DEFAULT_TIMEOUT_S = 1800.0
DEFAULT_ATTEMPTS = 2
SHELL = ("/bin/sh", "-c")
SECRET_FILE = "_FILE"
"""After the name of a secret: the variable that names its file."""


class TaskListError(UserError):
    """A task list or a plan cannot be used. `faults` lists every fault with its place."""

    code = "bad_task_list"

    def __init__(self, faults: Sequence[str], *, hint: str = "correct the file, then run the command again") -> None:
        super().__init__("; ".join(faults), hint=hint)
        self.faults = tuple(faults)


class PlanUnusable(UserError):
    """A plan is well formed and cannot be run as it stands; the hint says what to add."""

    code = "bad_task_list"


class NeedKind(StrEnum):
    """What a dependency means when the task before fails."""

    HARD = "hard"
    """The task does not run."""
    SOFT = "soft"
    """The task runs later all the same: the dependency only orders."""


@dataclass(frozen=True, slots=True)
class Need:
    """A dependency on another task."""

    task: TaskId
    kind: NeedKind = NeedKind.HARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What prepares a work tree before its task runs.

    Attributes:
        argv: the command.
        files: paths and patterns of files whose contents decide whether a tree that was prepared before can be used as it
            is (lock files).
        keep: patterns of what the command makes and the next task in the same tree may use.
    """

    argv: tuple[str, ...]
    files: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


class Exposure(StrEnum):
    """How a task is given a secret."""

    FILE = "file"
    VARIABLE = "variable"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret comes from; its value is in no task list, plan or state. Exactly one source is given.

    Attributes:
        name: of the secret: of its file, and of its variable.
        file: a file of the operator, absolute or below `~`.
        environment: a variable of the operator's environment.
        command: a command of the operator's that prints it.
        expose: how the task is given it.
    """

    name: str
    file: str | None = None
    environment: str | None = None
    command: tuple[str, ...] | None = None
    expose: Exposure = Exposure.FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task. It has a command or is a branch, never both.

    Attributes:
        id: unique in its list.
        argv: the command; None for a branch, and for a task of a plan that does not say how it is run.
        branch: an existing branch; nothing runs, it is only merged.
        needs: tasks that come before it.
        touches: patterns, as in a `.gitignore`, of what it changes; empty when it does not say.
        priority: lower numbers first, as in the original requests.
        timeout_s: deadline of one attempt in seconds.
        max_attempts: how often it is tried when the machine, not the task, is at fault.
        environment: names of variables of the operator's environment that it may see.
        variables: variables set for it.
        secrets: given to its command and its verification, not to its set-up, whose products other tasks use.
        setup: what prepares its tree.
        verify: a command that must succeed in the tree after the task.
        expects_changes: a task that changes nothing has failed.
        commits_leftovers: changes that it leaves uncommitted are committed in its name.
    """

    id: TaskId
    title: str = ""
    argv: tuple[str, ...] | None = None
    branch: str | None = None
    needs: tuple[Need, ...] = ()
    touches: tuple[str, ...] = ()
    priority: int = 0
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_attempts: int = DEFAULT_ATTEMPTS
    environment: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretReference, ...] = ()
    setup: Setup | None = None
    verify: tuple[str, ...] | None = None
    expects_changes: bool = False
    commits_leftovers: bool = False

    @property
    def hard_needs(self) -> tuple[TaskId, ...]:
        """Tasks without which it does not run."""
        return tuple(need.task for need in self.needs if need.kind is NeedKind.HARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """Tasks in the order in which they were written, and where their results go.

    Attributes:
        target: branch that results are merged into; None for the one given when they are run.
    """

    tasks: tuple[Task, ...]
    target: str | None = None

    def by_id(self) -> dict[TaskId, Task]:
        """Tasks by id."""
        return {task.id: task for task in self.tasks}
