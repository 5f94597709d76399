"""Jobs for tests, and the end of them."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

from gitalign.core.jobs import Job, JobKind, NewJob
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import Jobs

REPOSITORY = "sample"
_NUMBERS = itertools.count(1)


def ask(database: ServiceDatabase, kind: JobKind, **more: Any) -> Job:
    """Write a job."""
    fields = {name: more.pop(name) for name in ("plan_id", "text") if name in more}
    new = NewJob(repository=REPOSITORY, kind=kind, created_by="ada", params=more, **fields)
    return Jobs(database).add(new, job_id=f"{next(_NUMBERS):032x}", most_open=50)[0]


def done(database: ServiceDatabase, kind: JobKind, **more: Any) -> tuple[Job, Any]:
    """Write a job and carry it out here; the job as it ended, and its document."""
    job = ask(database, kind, **more)
    assert Workers(database, WorkSettings()).work_once()
    return ended(database, job)


def ended(database: ServiceDatabase, job: Job) -> tuple[Job, Any]:
    """The job as it is now, and its document."""
    document = Jobs(database).document(job.id)
    is_json = document is not None and document.media_type.endswith("json")
    body = None if document is None else json.loads(document.body) if is_json else document.body
    return Jobs(database).get(job.id), body


def tips(repository: Path) -> dict[str, str]:
    """Branch -> commit."""
    said = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"],
        cwd=repository, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return dict(line.split() for line in said.splitlines())
