"""Which tasks are expected to change the same files: by what they declare, and by what earlier runs showed. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations, combinations_with_replacement, product

from gitalign.batches.planning.earlier import NOTHING_KNOWN, EarlierConflict, Foresight
from gitalign.batches.planning.plan import ConflictType, FileConflict
from gitalign.batches.planning.tasks import Task, TaskId
from gitalign.core.path_overlap import can_meet, overlapping

_SPECIAL = frozenset("*?[\\")

Pair = tuple[TaskId, TaskId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Conflicts between tasks that are expected.

    Attributes:
        conflicts: in the order of the list.
        from_earlier_runs: those of them that what the tasks declare does not show, with the runs that do.
    """

    conflicts: tuple[FileConflict, ...]
    from_earlier_runs: tuple[EarlierConflict, ...] = ()


@dataclass(slots=True)
class _Overlap:
    """What two tasks have in common, by what earlier runs showed."""

    files: set[str] = field(default_factory=set)
    patterns: list[tuple[str, str]] = field(default_factory=list)


def predict(tasks: Sequence[Task], foresight: Foresight = NOTHING_KNOWN) -> Prediction:
    """Pairs of tasks that are expected to change the same files.

    Two tasks whose results were merged with one another in the newest run of both, without a conflict, are not expected to
    conflict for what they changed then. What they declare, and results that conflicted, counts always.
    """
    position = {task.id: number for number, task in enumerate(tasks)}
    found = _declared(tasks, position)
    from_earlier_runs: dict[Pair, EarlierConflict] = {}
    for pair, overlap in _shown(tasks, foresight, position).items():
        declared = found.get(pair)
        conflict = _shown_conflict(pair, overlap)
        if _merged_since(pair, foresight) or (declared is not None and not _is_surer(conflict, declared)):
            continue
        found[pair] = conflict
        runs = tuple(dict.fromkeys(foresight.tasks[one].run for one in pair if one in foresight.tasks))
        if declared is None:
            from_earlier_runs[pair] = EarlierConflict(task_ids=pair, runs=runs, has_conflicted=False)
    for both, earlier in foresight.pairs.items():
        if earlier.has_conflicted and both <= position.keys():
            one, other = sorted(both, key=position.__getitem__)
            kind = ConflictType.SAME_FILE if earlier.paths else ConflictType.POTENTIAL
            found[one, other] = FileConflict(
                task_ids=(one, other), predicted_files=tuple(sorted(earlier.paths)), conflict_type=kind
            )
            from_earlier_runs[one, other] = EarlierConflict(
                task_ids=(one, other), runs=(earlier.run,), has_conflicted=True
            )

    def in_order(pair: Pair) -> tuple[int, int]:
        return position[pair[0]], position[pair[1]]

    return Prediction(
        conflicts=tuple(found[pair] for pair in sorted(found, key=in_order)),
        from_earlier_runs=tuple(from_earlier_runs[pair] for pair in sorted(from_earlier_runs, key=in_order)),
    )


def _declared(tasks: Sequence[Task], position: Mapping[TaskId, int]) -> dict[Pair, FileConflict]:
    found: dict[Pair, FileConflict] = {}
    same: dict[tuple[str, ...], list[TaskId]] = defaultdict(list)  # many tasks may say the same of themselves
    for task in tasks:
        if task.touches:
            same[tuple(dict.fromkeys(map(_from_the_top, task.touches)))].append(task.id)
    for (first, some), (second, others) in combinations_with_replacement(same.items(), 2):
        if shared := overlapping(first, second):
            pairs = combinations(some, 2) if first == second else product(some, others)
            for one, other in pairs:
                pair = _ordered(one, other, position)
                found[pair] = _conflict(pair, shared)
    return found


def _shown(tasks: Sequence[Task], foresight: Foresight, position: Mapping[TaskId, int]) -> dict[Pair, _Overlap]:
    """What is shared because earlier results changed it: by both, or by one where the other declares it."""
    shared: dict[Pair, _Overlap] = defaultdict(_Overlap)
    changers: dict[str, list[TaskId]] = defaultdict(list)
    patterns: dict[str, list[TaskId]] = defaultdict(list)
    folders: dict[str, list[TaskId]] = defaultdict(list)
    for task in tasks:
        for pattern in dict.fromkeys(map(_from_the_top, task.touches)):
            patterns[pattern].append(task.id)
        for path in foresight.tasks[task.id].changed if task.id in foresight.tasks else ():
            (folders if path.endswith("/") else changers)[path].append(task.id)
    for path, changed in changers.items():
        for one, other in combinations(changed, 2):
            shared[_ordered(one, other, position)].files.add(path)
    known: dict[str, list[tuple[str, list[TaskId]]]] = defaultdict(list)
    for path, changed in (*changers.items(), *folders.items()):
        known[path.partition("/")[0]].append((f"/{_escaped(path)}", changed))
    within = [(f"/{_escaped(folder)}", changed) for folder, changed in folders.items()]
    for first, some in (*patterns.items(), *within):
        for second, others in _near(first, known):
            if can_meet(first, second):
                for one, other in product(some, others):
                    if one != other:
                        shared[_ordered(one, other, position)].patterns.append((first, second))
    return shared


def _near(pattern: str, known: Mapping[str, Sequence[tuple[str, list[TaskId]]]]) -> Iterator[tuple[str, list[TaskId]]]:
    """Known paths that a pattern can match: those in its folder at the top, where it names one."""
    top, slash, _ = pattern.lstrip("/").partition("/")
    if _SPECIAL & set(top) or not (slash or pattern.startswith("/")):
        return chain.from_iterable(known.values())
    return iter(known.get(top, ()))


def _merged_since(pair: Pair, foresight: Foresight) -> bool:
    """Whether the newest results of both were merged with one another, without a conflict."""
    earlier = foresight.pairs.get(frozenset(pair))
    if earlier is None or earlier.has_conflicted:
        return False
    return all(one in foresight.tasks and foresight.tasks[one].run == earlier.run for one in pair)


def _shown_conflict(pair: Pair, overlap: _Overlap) -> FileConflict:
    if overlap.files:
        files = tuple(sorted(overlap.files))
        return FileConflict(task_ids=pair, predicted_files=files, conflict_type=ConflictType.SAME_FILE)
    return _conflict(pair, overlap.patterns)


def _is_surer(conflict: FileConflict, other: FileConflict) -> bool:
    order = list(ConflictType)
    return order.index(conflict.conflict_type) < order.index(other.conflict_type)


def _ordered(one: TaskId, other: TaskId, position: Mapping[TaskId, int]) -> Pair:
    return (one, other) if position[one] < position[other] else (other, one)


def _from_the_top(pattern: str) -> str:
    """A plain name means the file or folder at the top of the repository, as people write paths; one with a wildcard stays."""
    return pattern if pattern.startswith("/") or _SPECIAL & set(pattern) else f"/{pattern}"


def _escaped(path: str) -> str:
    return "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in path)


def _conflict(pair: Pair, shared: Sequence[tuple[str, str]]) -> FileConflict:
    """What overlapping patterns mean. A name with an ending and without wildcards counts as a file, others as folders."""
    exact = sorted({one.lstrip("/") for one, other in shared if one.lstrip("/") == other.lstrip("/") and _is_file(one)})
    if exact:
        return FileConflict(task_ids=pair, predicted_files=tuple(exact), conflict_type=ConflictType.SAME_FILE)
    files = tuple(sorted({min(one, other, key=_vagueness).lstrip("/") for one, other in shared}))
    plain = any(not _SPECIAL & set(one) or not _SPECIAL & set(other) for one, other in shared)
    kind = ConflictType.SAME_DIRECTORY if plain else ConflictType.POTENTIAL
    return FileConflict(task_ids=pair, predicted_files=files, conflict_type=kind)


def _is_file(pattern: str) -> bool:
    return not _SPECIAL & set(pattern) and not pattern.endswith("/") and "." in pattern.rpartition("/")[2][1:]


def _vagueness(pattern: str) -> tuple[bool, int, str]:
    return bool(_SPECIAL & set(pattern)), -len(pattern), pattern
