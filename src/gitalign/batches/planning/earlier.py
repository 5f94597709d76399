"""What earlier batch runs showed of the tasks of a plan, as values. Who reads it from a repository is `batches.history`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitalign.batches.planning.tasks import TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTask:
    """What the newest run with a result of a task showed: one with the same id, title and command.

    Attributes:
        run: id of that batch run.
        changed: paths that its result changed. One that ends with `/` is a folder, with everything in it: named where there are
            too many files.
        duration_s: from its first attempt to its end; None when that is not known.
    """

    run: str
    changed: tuple[str, ...] = ()
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierPair:
    """What the newest run that merged the results of two tasks, of one batch, showed.

    Attributes:
        run: id of that batch run.
        has_conflicted: the two results did not merge with one another.
        paths: in which they conflicted.
    """

    run: str
    has_conflicted: bool
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What is known of tasks beside what they declare.

    Attributes:
        tasks: by id.
        pairs: by the ids of both.
        unread: ids of batch runs that could not be read: what they showed is not known.
    """

    tasks: Mapping[TaskId, EarlierTask] = field(default_factory=dict)
    pairs: Mapping[frozenset[TaskId], EarlierPair] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing is known."""
        return not (self.tasks or self.pairs or self.unread)


NOTHING_KNOWN = Foresight()


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierConflict:
    """Why earlier runs let two tasks be expected to conflict.

    Attributes:
        task_ids: of the predicted conflict.
        runs: ids of the batch runs that showed it.
        has_conflicted: their results did conflict; else they, or one of them, changed what the other one changes.
    """

    task_ids: tuple[TaskId, TaskId]
    runs: tuple[str, ...]
    has_conflicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which tasks run together, in which order, and in which mode.

    Attributes:
        batches: task ids of each batch, and whether it can run in parallel.
        mode: as in documents; None where it is not known.
    """

    batches: tuple[tuple[tuple[TaskId, ...], bool], ...]
    mode: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FromEarlierRuns:
    """What a plan owes to earlier runs.

    Attributes:
        tasks: what was known of each.
        conflicts: predicted ones that the task list alone does not show.
        unread: ids of batch runs that could not be read.
        made: the layout of the plan as it was made; another one means that the plan was edited since.
        without: the layout that the same tasks have where nothing is known; None where it is the same.
    """

    tasks: Mapping[TaskId, EarlierTask] = field(default_factory=dict)
    conflicts: tuple[EarlierConflict, ...] = ()
    unread: tuple[str, ...] = ()
    made: Layout | None = None
    without: Layout | None = None
