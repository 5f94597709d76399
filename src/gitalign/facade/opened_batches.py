"""The batch runs of a repository, opened. Apart from what runs tasks: who only looks imports nothing of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.old_states import old_states, opened_batch_store
from gitalign.core.names import display
from gitalign.engine.run.session import OpenRepository, has_state, journal_of
from gitalign.errors import UnknownBatch


@contextmanager
def batch_store(opened: OpenRepository) -> Iterator[BatchStore]:
    """The batch runs of a repository, for as long as the block lasts.

    Raises:
        StoreError
    """
    with journal_of(opened) as journal:
        yield opened_batch_store(opened.repository, journal)


def has_batch_runs(opened: OpenRepository) -> bool:
    """False when no batch was ever run in a repository; asked first, so that looking makes no journal."""
    return has_state(opened) or bool(old_states(opened.repository))


@contextmanager
def known_batch_store(opened: OpenRepository, batch_id: str) -> Iterator[BatchStore]:
    """As `batch_store`, for what asks for a run that must be there.

    Raises:
        UnknownBatch: nothing was ever run here.
        StoreError
    """
    if not has_batch_runs(opened):
        raise UnknownBatch(
            f"no batch run {display(batch_id)!r}: no batch was run here yet", hint="git align batch plan TASKS"
        )
    with batch_store(opened) as store:
        yield store
