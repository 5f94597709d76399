"""Who follows a batch run: its journal, log, audit trail, and the listeners of the caller. One stream feeds them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.events import BatchListener, following
from gitalign.core.events import Event, EventKind
from gitalign.engine.run.session import OpenRepository, following_files
from gitalign.engine.runtime.stream import EventStream, JournalListener


@contextmanager
def followed(
    opened: OpenRepository, context: BatchContext, batch_id: str, listeners: Sequence[BatchListener]
) -> Iterator[BatchContext]:
    """The context of a batch run whose events are followed, for as long as the block lasts.

    Args:
        opened: says which files are kept.
        context: of the run.
        batch_id: the run, which is in the store.
        listeners: called with every event.
    """
    journal = context.store.journal
    durable = JournalListener(lambda events: journal.append_batch_events(batch_id, [*filter(_is_kept, events)]))
    streams: list[EventStream] = []
    with following_files(opened, context.store.folder(batch_id), durable) as files:

        def emit(kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
            if not streams:  # the first event comes when this process holds the run, so that no other one adds events
                followers = [durable, *files, *map(following, listeners)]
                first = journal.last_batch_event(batch_id) + 1
                streams.append(EventStream(batch_id, opened.now, followers, first=first))
            streams[0](kind, branch=branch, target=target, **data)

        yield replace(context, emit=emit)


def _is_kept(event: Event) -> bool:
    return event.kind is not EventKind.BATCH_RUN_PROGRESS
