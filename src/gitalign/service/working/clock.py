"""Schedules are carried on: every server and worker looks, and the database lets one of them write the job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from gitalign.core.schedules import Schedule, next_tick
from gitalign.errors import GitAlignError
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.schedules import Schedules

_LOG = logging.getLogger("gitalign.service")
_LOOKED_EVERY_S = 5.0


class Clock:
    """Looks which schedules are due.

    Args:
        database: of the service; its clock counts.
        most_open: jobs of a repository that wait or run.
        wake: called when a job was written.
    """

    def __init__(self, database: ServiceDatabase, *, most_open: int, wake: Callable[[], None]) -> None:
        self._schedules = Schedules(database)
        self._most_open = most_open
        self._wake = wake
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, name="schedules", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> int:
        """Write the jobs that are due; how many were written here.

        Raises:
            StoreError
        """
        written = 0
        for due in self._schedules.due():
            following = partial(_following, due)
            if self._schedules.carry_on(due, next_at=following, most_open=self._most_open) is not None:
                written += 1
        if written:
            self._wake()
        return written

    def _go(self) -> None:
        while not self._over.wait(_LOOKED_EVERY_S):
            try:
                self.look()
            except GitAlignError as error:
                _LOG.warning("schedules cannot be looked at: %s", error.message)
            except Exception:
                _LOG.exception("schedules go on after an error that is a bug")


def _following(due: Schedule, now: datetime) -> datetime:
    return next_tick(due.cron, due.zone, after=now)
