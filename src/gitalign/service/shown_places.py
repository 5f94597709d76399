"""What is known of paths that only administrators see, for one server; and the output of tasks without them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Job
from gitalign.core.machine_paths import MachinePaths, machine_paths
from gitalign.errors import StoreError
from gitalign.service.state import service_of
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.places import KnownPlaces
from gitalign.store.service.task_logs import TaskLogs

PAGES = frozenset(
    ("account", "api", "audit", "badge", "credentials", "health", "jobs", "metrics", "openid", "people", "ready", "repositories", "settings",
     "sign-in", "sign-out", "static", "tokens", "wall")
)  # fmt: skip
"""First parts of addresses of the service: a link that begins with one is no path of the machine."""
_LOG = logging.getLogger("gitalign.service")


class ShownPlaces:
    """Paths of the server's machine, and those of repositories and workers that the database knows.

    Args:
        own: path -> name of folders of this server.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = tuple(own.items())
        self._known: tuple[tuple[str, str], ...] = ()
        self._asked_at = float("-inf")

    def paths(self, database: ServiceDatabase | None, *, fresh_s: float = 0.0) -> MachinePaths:
        """What is hidden now.

        Args:
            database: None while there is none yet.
            fresh_s: its last answer may be so old, in seconds.
        """
        if database is not None and time.monotonic() - self._asked_at >= fresh_s:
            try:
                self._known = KnownPlaces(database).all()
                self._asked_at = time.monotonic()
            except StoreError as error:  # what can be answered without the database names no place that only it knows
                _LOG.warning("paths of repositories cannot be read: %s", error.message)
        return machine_paths((*self._own, *self._known), PAGES)


def output_of_task(
    request: Request, actor: Actor, jobs: Sequence[Job], task: str, *, offset: int, most_bytes: int
) -> tuple[bytes, int]:
    """Output of a task from an offset on, and the offset behind it.

    For people who are no administrators paths are masked by as many bytes, so that offsets stay what they are, also where a
    piece begins or ends within one.

    Args:
        request: in which it is asked for.
        actor: who reads it.
        jobs: that carried out the batch run, newest first.
        task: of the batch.
        offset: in bytes.
        most_bytes: of the answer.
    """
    database, ids = service_of(request).database, [job.id for job in jobs]
    logs = TaskLogs(database)
    if actor.may(Role.ADMIN):
        return logs.read(ids, task, offset=offset, most_bytes=most_bytes)
    places: ShownPlaces = request.app.state.places
    paths = places.paths(database)
    start = max(0, offset - paths.longest)
    body, _ = logs.read(ids, task, offset=start, most_bytes=offset - start + most_bytes + paths.longest)
    if any(not job.state.is_over for job in jobs):
        body = body[: len(body) - paths.begun(body)]  # the rest of it is about to be written
    shown = paths.masked(body)[offset - start : offset - start + most_bytes]
    return shown, offset + len(shown)
