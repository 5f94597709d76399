"""What stops, pauses or cancels a batch run: signals to this process, and requests of others."""

from __future__ import annotations

import logging
import time

from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.state import Request
from gitalign.errors import StoreError

LOOK_EVERY_S = 0.2
_LOG = logging.getLogger("gitalign.batches")


class Control:
    """Asked from several threads, often; looks into the store now and then."""

    def __init__(self, context: BatchContext, batch_id: str) -> None:
        self._context = context
        self._batch_id = batch_id
        self._asked_at = time.monotonic()
        self._request = context.store.asked(batch_id)

    @property
    def is_cancelled(self) -> bool:
        """What runs is to be ended."""
        return self._context.stop.cancel_requested or self._asked() is Request.CANCEL

    @property
    def is_stopping(self) -> bool:
        """Nothing new is to be started in this process."""
        return self._context.stop.stop_requested or self._asked() in (Request.STOP, Request.CANCEL)

    @property
    def is_held_back(self) -> bool:
        """Nothing new is to be started now."""
        return self.is_stopping or self._asked() is Request.PAUSE

    def _asked(self) -> Request:
        if time.monotonic() - self._asked_at > LOOK_EVERY_S:
            self._asked_at = time.monotonic()
            try:
                self._request = self._context.store.asked(self._batch_id)
            except (
                StoreError
            ) as error:  # what was asked before holds; the next change of the state says if the store is gone
                _LOG.warning("requests cannot be read: %s", error.message)
        return self._request
