"""What branches leave behind, packed while the results of a run are proved: until they are, one processor has little to do.

The pack counts for nothing until `pins.hold` gives it its name. Until then its files are named `tmp_…`, as those that git makes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gitalign.core.names import Oid, StepId, is_zero
from gitalign.core.outcome import Aligned, StepResult
from gitalign.core.plan import Plan
from gitalign.errors import GitError
from gitalign.git.repository import Repository
from gitalign.git.storing import History, NewPack, packed_again

_LOG = logging.getLogger("gitalign.run")
_FROM = 64
"""Moves of a run that is worth a process more."""
_TIMEOUT_S = 600.0


class HeldAhead:
    """Commits of a repository that are being packed once more.

    Args:
        commits: where branches stand that a run is about to move.
        bases: commits that a ref will pin; what is behind them is left out.
        packing: makes the pack; None where there is nothing to hold.
    """

    def __init__(self, commits: Collection[Oid], bases: Collection[Oid], packing: Future[NewPack | None]) -> None:
        self._commits = frozenset(commits)
        self._bases = frozenset(bases)
        self._packing = packing

    def pack(self, bases: Collection[Oid]) -> NewPack | None:
        """The pack; None when there is none, or when it was made for other bases."""
        if self._bases != frozenset(bases):
            return None
        try:
            return self._packing.result()
        except (GitError, OSError) as error:
            _LOG.debug("what branches leave was not packed ahead: %s", error)
            return None

    @property
    def commits(self) -> frozenset[Oid]:
        """The commits that the pack is of."""
        return self._commits

    def discard(self) -> None:
        """Remove the pack, unless it was brought in."""
        try:
            pack = self._packing.result()
        except (GitError, OSError):
            return
        if pack is not None:
            pack.discard()


@contextmanager
def held_ahead(
    repository: Repository, plan: Plan, results: Iterable[StepResult], *, mark: str
) -> Iterator[HeldAhead | None]:
    """Begin to pack what the aligned branches of a run leave behind; None where that is not worth a process.

    A pack that was not taken in is removed at the end.

    Args:
        repository: the repository.
        plan: whose steps.
        results: of the run.
        mark: as `pins` marks packs of the run.
    """
    steps = {step.id: step for step in plan.steps}
    commits = {
        steps[StepId(result.step_id)].moved_from
        for result in results
        if isinstance(result.outcome, Aligned) and result.outcome.after != result.outcome.before
    }
    commits = {oid for oid in commits if not is_zero(oid)}
    if len(commits) < _FROM:
        yield None
        return
    bases = sorted({target.oid for target in plan.targets})
    history = History(known=bases, replaced=(), timeout_s=_TIMEOUT_S, allows_gaps=False)
    packs = Path(repository.objects_dir) / "pack"
    with ThreadPoolExecutor(1, thread_name_prefix="held-ahead") as pool:
        try:
            packing = pool.submit(packed_again, repository.git, packs, sorted(commits), history, mark=mark)
        except RuntimeError:  # no more threads are allowed here
            yield None
            return
        ahead = HeldAhead(commits, bases, packing)
        try:
            yield ahead
        finally:
            ahead.discard()
