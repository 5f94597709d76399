"""Follows a batch run while a worker carries it out: hands its state, events and output over, and passes on what it is asked."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from gitalign import facade
from gitalign.batches.running.state import Request as BatchRequest
from gitalign.core.jobs import Asked
from gitalign.documents.formats import json_text, stamped
from gitalign.errors import GitAlignError, RunTakenOver, StoreError
from gitalign.service.working.came import json_of
from gitalign.service.working.hold import Hold

_LOG = logging.getLogger("gitalign.service")
_LOOKED_EVERY_S = 0.5
_PIECE_BYTES = 64 * 1024
_MOST_PIECES = 64
"""At one look; the rest follows at the next one."""
_MOST_BYTES = 32 * 1024 * 1024
"""Kept of the output of one task in the database of the service; the repository has all that is kept there."""


class BatchWatch:
    """Follows a batch run while inside.

    Args:
        hold: the job.
        request: which repository.
        batch_id: the run; empty where it is not known yet.
    """

    def __init__(self, hold: Hold, request: facade.Request, batch_id: str = "") -> None:
        self._hold = hold
        self._request = request
        self._batch_id = batch_id
        self._over = threading.Event()
        self._asked = Asked.NOTHING
        self._document = ""
        self._last_event = hold.jobs.last_batch_event(hold.held, batch_id) if batch_id else 0
        self._log_ends = dict(hold.jobs.log_ends(hold.held))
        self._thread = threading.Thread(target=self._follow, name=f"batch of {hold.held.job.id}", daemon=True)

    def listener(self, kind: str, data: object) -> None:
        """Take an event of the run: the first one says which run it is."""
        if not self._batch_id and isinstance(data, dict):
            self._batch_id = self._hold.run_id = str(data["batch_run"])

    def __enter__(self) -> BatchWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if not self._hold.is_lost:
            self._look()

    def _follow(self) -> None:
        while not self._over.wait(_LOOKED_EVERY_S) and not self._hold.is_lost:
            self._look()

    def _look(self) -> None:
        try:
            self._hold.look()
            if self._batch_id:
                self._pass_on()
                self._hand_over()
        except RunTakenOver:
            return
        except StoreError as error:
            _LOG.warning("batch run %s is not followed: %s", self._batch_id, error.message)
        except GitAlignError as error:
            _LOG.warning("batch run %s cannot be looked at: %s", self._batch_id, error.message)

    def _pass_on(self) -> None:
        """Pause, go on, or end what runs, as the job is asked. A worker that is to end cancels: everything is pinned then."""
        hold, stop = self._hold, self._hold.stop
        if hold.asked is Asked.CANCEL or (stop.stop_requested and not hold.is_stop_asked):
            if not stop.cancel_requested:
                stop.request_cancel()
            return
        if hold.asked is not self._asked and not stop.stop_requested:
            asked = BatchRequest.PAUSE if hold.asked is Asked.PAUSE else BatchRequest.NONE
            try:
                facade.ask_batch(self._request, self._batch_id, asked)
            except GitAlignError as error:
                if error.code != "batch_not_running":  # it has not begun yet, or has ended
                    raise
                return
            self._asked = hold.asked

    def _hand_over(self) -> None:
        history = facade.batch_events(self._request, self._batch_id, after=self._last_event)
        for event in history.events:
            self._hold.take(event)
            self._last_event = event.seq
        view = facade.batch_status(self._request, self._batch_id)
        content = stamped("batch-run", facade.batch_content(view))
        text = json_text(content)
        self._hold.note_places()
        for task_id in view.run.tasks:
            self._hand_over_output(task_id)
        if text != self._document:
            self._hold.jobs.note_document(self._hold.held, json_of(content))
            self._document = text

    def _hand_over_output(self, task_id: str) -> None:
        for _ in range(_MOST_PIECES):
            at = self._log_ends.get(task_id, 0)
            if at >= _MOST_BYTES:
                return
            piece = facade.batch_log_part(self._request, self._batch_id, task_id, offset=at, most_bytes=_PIECE_BYTES)
            if not piece:
                return
            self._hold.jobs.add_log(self._hold.held, task_id, at, piece)
            self._log_ends[task_id] = at + len(piece)
