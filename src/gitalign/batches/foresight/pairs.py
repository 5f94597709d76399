"""Which tasks of a batch conflict with one another, or with the target, as they stand: only what changed is merged again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.running.state import ResultConflict
from gitalign.batches.two_sides import UNRELATED, merge_of_two, result_conflict
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange, may_conflict
from gitalign.engine.alignment.integration import probe
from gitalign.errors import GitError
from gitalign.git.attributes import read_attributes
from gitalign.git.in_quarantine import in_quarantine
from gitalign.git.merge import MergeAnswer
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import Repository
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.shared_merges import SharedMerges

_LOG = logging.getLogger("gitalign.batches")
_MOST_S = 5.0
"""Time for one look; pairs that are left are merged at the next one."""
_MOST_CHANGES = 20_000
"""Paths that a task changes, up to which it is compared by paths. Beyond that each of its pairs is merged."""
_TIMEOUT_S = 60.0

Pair = tuple[TaskId | None, TaskId]
"""Two tasks in the order of the plan; None for the target."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What git said of a pair as it stood."""

    tips: tuple[Oid, Oid]
    conflict: ResultConflict | None


class Foresight:
    """Merges what tasks have so far. Belongs to one thread.

    Args:
        repository: holds the commits.
        batch_id: of the batch run; names a quarantine.
        target: name of the branch that results land on.
        base: the commit that the tasks started from.
        branches: tasks that are branches: they started from anywhere, so each of their pairs is merged.
    """

    def __init__(
        self, repository: Repository, batch_id: str, *, target: str, base: Oid, branches: Collection[TaskId] = ()
    ) -> None:
        self._repository = repository
        self._name = f"foresight-{batch_id}"
        self._target = target
        self._base = base
        self._branches = frozenset(branches)
        self._verdicts: dict[Pair, _Verdict] = {}
        self._changes: dict[Oid, tuple[PathChange, ...] | None] = {}

    def look(
        self, tips: Mapping[TaskId, Oid], onto: Oid, *, is_stopping: Callable[[], bool]
    ) -> Mapping[Pair, ResultConflict]:
        """All conflicts that are known, of what stands now.

        A pair that could not be merged in time, or at all, keeps the answer it had.

        Args:
            tips: commits that hold what tasks have so far, in the order of the plan.
            onto: where the target stands.
            is_stopping: asked between merges.

        Raises:
            OutOfSpace
            GitError: the look came to nothing.
        """
        stands: dict[TaskId | None, Oid] = {None: onto}
        stands.update(tips)
        self._forget(stands)
        pairs = [(one, other) for one, other in combinations(stands, 2) if other is not None]
        due = [pair for pair in pairs if self._is_due(pair, stands)]
        if due:
            in_quarantine(
                self._repository, self._name, lambda quarantine: self._merge(quarantine, due, stands, is_stopping)
            )
        return {pair: one.conflict for pair, one in self._verdicts.items() if one.conflict is not None}

    def _forget(self, stands: Mapping[TaskId | None, Oid]) -> None:
        """Of tasks that have nothing now, and of tips that are gone."""
        self._verdicts = {pair: one for pair, one in self._verdicts.items() if all(name in stands for name in pair)}
        kept = set(stands.values())
        self._changes = {tip: one for tip, one in self._changes.items() if tip in kept}

    def _is_due(self, pair: Pair, stands: Mapping[TaskId | None, Oid]) -> bool:
        known = self._verdicts.get(pair)
        return known is None or known.tips != (stands[pair[0]], stands[pair[1]])

    def _merge(
        self,
        quarantine: Quarantine,
        due: list[Pair],
        stands: Mapping[TaskId | None, Oid],
        is_stopping: Callable[[], bool],
    ) -> None:
        until = time.monotonic() + _MOST_S
        onto = stands[None]
        with _worker(quarantine, onto) as worker:
            candidates = self._candidates(worker, stands)
            for pair in due:
                tips = (stands[pair[0]], stands[pair[1]])
                if pair not in candidates:
                    self._verdicts[pair] = _Verdict(tips, None)
                elif time.monotonic() < until and not is_stopping():
                    self._ask(worker, pair, tips, onto)
                else:
                    _LOG.info("%s and %s are merged at the next look", pair[0] or self._target, pair[1])
            quarantine.require_memory()

    def _ask(self, worker: MergeWorker, pair: Pair, tips: tuple[Oid, Oid], onto: Oid) -> None:
        first, second = pair[0] or self._target, pair[1]
        try:
            answer = merge_of_two(worker, onto, *tips)
            if isinstance(answer, str) and answer != UNRELATED:
                raise GitError(answer)
            is_clean = isinstance(answer, MergeAnswer) and answer.is_clean
            conflict = None if is_clean else result_conflict(worker, answer, first=first, second=second)
        except GitError as error:  # says nothing about the two
            _LOG.info("%s and %s cannot be merged now: %s", first, second, error.message)
            return
        self._verdicts[pair] = _Verdict(tips, conflict)

    def _candidates(self, worker: MergeWorker, stands: Mapping[TaskId | None, Oid]) -> set[Pair]:
        """Pairs that are not proved clean by what each changes."""
        for name, tip in stands.items():
            if tip not in self._changes and name not in self._branches:
                changes = worker.changes(self._base, tip)
                self._changes[tip] = changes if len(changes) <= _MOST_CHANGES else None
        names = [name for name, tip in stands.items() if self._changes.get(tip) is not None]
        changed = [self._changes[stands[name]] or () for name in names]
        found = {(names[one], names[other]) for one, other in may_conflict(worker.paths(self._base), changed)}
        large = [name for name in stands if name not in names]
        found |= {pair for pair in combinations(stands, 2) if pair[0] in large or pair[1] in large}
        return {(one, other) for one, other in found if other is not None}


@contextmanager
def _worker(quarantine: Quarantine, onto: Oid) -> Iterator[MergeWorker]:
    worker = MergeWorker(
        quarantine,
        wire=probe(quarantine),
        attributes={onto: read_attributes(quarantine.git, onto)},
        shared=SharedMerges(),
        timeout_s=_TIMEOUT_S,
    )
    try:
        yield worker
    finally:
        worker.close()
