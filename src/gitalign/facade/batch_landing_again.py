"""Landing again what a batch run had landed and an undo took back: the same commits, without a task or a merge."""

from __future__ import annotations

from gitalign.batches.running.state import PUSH, BatchRun
from gitalign.core.names import ref_of
from gitalign.core.plan import Permit
from gitalign.engine.run.session import Request, open_for
from gitalign.errors import LandingUndone, NotPermitted, RemoteError
from gitalign.facade.batch_undoing import BatchLanding, BatchLandings, landings_of
from gitalign.facade.batch_watching import undone_batches
from gitalign.facade.opened_batches import known_batch_store
from gitalign.facade.resuming import recover
from gitalign.facade.undoing import undo
from gitalign.git.refs import read_refs


def land_undone_again(
    request: Request, batch_id: str, *, push: bool = False, permit: Permit | None = None
) -> BatchLandings | None:
    """Undo the undoing of a batch run's landings, the oldest first, where the target stands where they began.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        push: on the remote, too; a run that was started with a push is pushed anyway.
        permit: to move branches.

    Returns:
        The landings as they stand now; None when nothing was undone, or the run has not ended.

    Raises:
        LandingUndone: the target has moved on since, so that they cannot land again as they are.
        RemoteError: they landed here, and the remote does not have them.
        NotPermitted, UnknownBatch, AlreadyRunning, UserError, GitError, StoreError
    """
    if permit is None:
        raise NotPermitted("landing again would move branches, which was not confirmed", hint="give a permit")
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        run = store.read(batch_id)
        push = push or bool(run.options.get(PUSH))
        if not run.status.is_final or not undone_batches(opened.repository, store.journal, run):
            return None
        with store.held(run.id):
            recover(request)
            found = landings_of(opened, store, run, push=push)
            tip = read_refs(opened.repository, ref_of(run.target)).get(ref_of(run.target))
            for landing in _chain(run, found, tip):
                undo(request, landing.undone_by, push=push, permit=permit)
            found = landings_of(opened, store, run, push=push)
            if undone_batches(opened.repository, store.journal, run):
                raise _cannot(run)
            if push and not any(one.on_remote for one in found.standing):
                raise RemoteError(
                    f"batch run {run.id} has landed again on {run.target} here, and its remote does not have it",
                    hint=f"git push, or take it back: git align batch undo {run.id}",
                )
            return found


def _chain(run: BatchRun, found: BatchLandings, tip: str | None) -> list[BatchLanding]:
    """The landings that lead from where the target stands to what the run landed last, oldest first.

    Raises:
        LandingUndone: there are none.
    """
    wanted = {one.outcome.landing_run for one in run.batches if one.outcome is not None}
    undone = [one for one in found.landings if one.undone_by]
    chain = [one for one in undone if one.landing_run in wanted][:1]
    while chain and chain[-1].before != tip:
        below = [one for one in undone if one.after == chain[-1].before and one not in chain]
        if not below:
            raise _cannot(run)
        chain.append(below[0])
    if not chain:
        raise _cannot(run)
    return chain[::-1]


def _cannot(run: BatchRun) -> LandingUndone:
    return LandingUndone(
        f"what batch run {run.id} landed was undone, and {run.target} has moved on since: it cannot land again as it is",
        hint="git align batch run --again FILE runs the tasks again",
    )
