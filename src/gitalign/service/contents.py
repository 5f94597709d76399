"""Documents of jobs as values. Jobs that are over never change, so what was read stays in memory for a while."""

from __future__ import annotations

import json
from threading import Lock
from typing import Any

from cachetools import LRUCache

from gitalign.core.jobs import Job
from gitalign.store.service.jobs import Jobs

_MOST_CHARACTERS = 12_000_000
"""Of all documents in memory. One of 650 branches has about a million; as values it takes six times as much."""

_KEPT: LRUCache[str, tuple[int, Any]] = LRUCache(_MOST_CHARACTERS, getsizeof=lambda entry: entry[0])
_LOCK = Lock()


def content_of(jobs: Jobs, job: Job | None) -> Any:
    """The JSON document that a job left; None without a job, without a document, and for one that is not JSON.

    What is returned is shared: it must not be changed.

    Args:
        jobs: of the service.
        job: one that is over; the document of another one is read, but not kept.
    """
    if job is None:
        return None
    with _LOCK:
        if job.id in _KEPT:
            return _KEPT[job.id][1]
    document = jobs.document(job.id)
    if document is None or document.media_type != "application/json":
        return None
    content = json.loads(document.body)
    size = max(1, len(document.body))
    if job.state.is_over and size <= _MOST_CHARACTERS:
        with _LOCK:
            _KEPT[job.id] = (size, content)
    return content
