"""A repository of many branches in the database of a service: documents of values alone, as jobs would have left them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.tasks import Need, Task, TaskList
from gitalign.batches.running.state import new_batch_run
from gitalign.batches.running.state_document import content_of
from gitalign.core.accounts import Role
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.core.health import Health
from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.core.marked_text import LineKind, MarkedFile, MarkedLine
from gitalign.core.outcome import conflict_of
from gitalign.documents import plans, reports
from gitalign.documents.conflict_groups import dump_conflicts
from gitalign.documents.forecasts import dump_forecast
from gitalign.documents.formats import json_text, stamped
from gitalign.documents.reading import time_text
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.held_jobs import HeldJobs
from gitalign.store.service.jobs import JobDocument, Jobs
from gitalign.store.service.users import Users
from tests.views.many import AS_OF, outlook_of, report_of

_NUMBERS = itertools.count(1)
PLAN_ID = "a" * 64
OLD_PLAN_ID = "b" * 64
BATCH_ID = "20261127-180000-abcdef"
RUN_ID = "20261127-120000-abcdef"


def left(database: ServiceDatabase, repository: str, kind: JobKind, body: str, **more: Any) -> str:
    """A job that is done, with its document; its id."""
    health, noted, events = more.pop("health", None), more.pop("noted", {}), more.pop("events", ())
    new = NewJob(repository=repository, kind=kind, created_by="ada", **more)
    job = Jobs(database).add(new, job_id=f"{next(_NUMBERS):032x}"[::-1], most_open=1_000)[0]
    held = HeldJobs(database, lease_s=60)
    mine = held.claim("test")
    assert mine is not None
    held.renew(mine, events=events, **noted)
    document = JobDocument(media_type="application/json", body=body)
    held.finish(mine, JobState.DONE, outcome="ok", document=document, health=health)
    return job.id


def fill(database: ServiceDatabase, repository: str, branches: int) -> dict[str, str]:
    """Two plans, a forecast with pairs, a run and conflicts; ids of the jobs by kind."""
    Users(database).add("cleo", role=Role.LANDER, password="hashed", actor="test")
    outlook = outlook_of(branches)
    report, _ = report_of(branches, findings=2)
    stopped = [(one.step, found) for one in report.branches() if (found := conflict_of(one.result.outcome)) is not None]
    conflicts = Conflicts(
        targets=outlook.forecast.targets,
        groups=outlook.stopped.groups,
        shared=outlook.stopped.shared,
        branches=tuple(
            BranchConflict(
                branch=step.branch.name,
                target=step.target.name,
                tip=step.seen,
                kind=step.kind,
                signature=str(at),
                conflict=found,
            )
            for at, (step, found) in enumerate(stopped)
        ),
        detail=None,
        aligned=branches // 2,
        is_complete=True,
    )
    old = replace(report.plan, id=OLD_PLAN_ID, steps=report.plan.steps[5:])
    ids = {
        "old plan": left(database, repository, JobKind.PLAN, plans.text_of(old), noted={"plan_id": OLD_PLAN_ID}),
        "plan": left(
            database,
            repository,
            JobKind.PLAN,
            plans.text_of(replace(report.plan, id=PLAN_ID)),
            noted={"plan_id": PLAN_ID},
        ),
        "forecast": left(
            database,
            repository,
            JobKind.FORECAST,
            json_text(stamped("forecast", dump_forecast(outlook.forecast))),
            params={"pairs": True},
            health=Health(branches=branches, conflicts=branches // 2, behind=40, age_days=12),
        ),
        "run": left(
            database,
            repository,
            JobKind.RUN,
            "".join(reports.text_pieces(report)),
            plan_id=PLAN_ID,
            noted={"run_id": RUN_ID},
            health=Health(branches=branches, conflicts=branches // 3, behind=8),
            events=events_of(branches),
        ),
        "conflicts": left(
            database, repository, JobKind.CONFLICTS, json_text(stamped("conflicts", dump_conflicts(conflicts)))
        ),
        "conflict": left(
            database,
            repository,
            JobKind.CONFLICTS,
            json_text(
                stamped("conflicts", dump_conflicts(replace(conflicts, detail=_detail(stopped[1][0].branch.name))))
            ),
            params={"branch": stopped[1][0].branch.name},
        ),
    }
    origin = {
        "kind": "person",
        "by": "Ada",
        "at": None,
        "commit": "a" * 40,
        "branch": "<b>",
        "path": "x",
        "imported_from": "",
    }
    known = {"conflict": "c" * 40, "origin": origin, "in_rr_cache": False, "disputed": True, "fault": ""}
    resolutions = [{"name": f"{number:040x}.1", **known} for number in range(branches)]
    body = json_text(stamped("known-resolutions", {"resolutions": resolutions, "faults": ["one is torn"]}))
    ids["resolutions"] = left(database, repository, JobKind.RESOLUTIONS, body)
    ids["batch"] = left(
        database,
        repository,
        JobKind.BATCH_RUN,
        json_text(stamped("batch-run", batch_of(min(branches, 300)))),
        noted={"run_id": BATCH_ID},
        events=[
            (
                "task_snapshot",
                json_text({"at": time_text(AS_OF), "kind": "task_snapshot", "data": {"task_id": "task-1"}}),
            )
        ],
    )
    earlier(database, days=(13, 11, 9, 8, 5, 3, 2))
    return ids


def batch_of(tasks: int) -> dict[str, Any]:
    """A batch run of which half of the tasks have ended."""
    listed = [
        Task(
            id=f"task-{number}",
            title="<b>title",
            argv=("true",),
            needs=(Need(task=f"task-{number - 3}"),) if number > 2 else (),
        )
        for number in range(tasks)
    ]
    plan = make_plan(TaskList(tasks=tuple(listed)), project_id=UUID(int=7), at=AS_OF)
    run = content_of(new_batch_run(plan, batch_id=BATCH_ID, target="main", at=AS_OF))
    for number, task in enumerate(run["tasks"].values()):
        start = AS_OF + timedelta(seconds=number * 10)
        ended = time_text(start + timedelta(seconds=25)) if number < tasks / 2 else None
        task |= {"status": "completed" if ended else "running", "started_at": time_text(start), "finished_at": ended}
    first = {"first_line": 1, "last_line": 1, "text": ["<b>one"]}
    hunk = {"path": "x.py", "first": first, "second": {"first_line": 3, "last_line": 2, "text": []}}
    piece = {"first": "a", "second": "b", "paths": ["x.py"], "kinds": [], "hunks": [hunk], "detail": "", "together": []}
    clash = {"task": "task-1", "other": None, "since": time_text(AS_OF), "conflict": piece}
    return {**run, "status": "running", "state": "running", "running_conflicts": [clash]}


def _detail(branch: str) -> ConflictDetail:
    def line(kind: LineKind, text: str, hunk: int = 1) -> MarkedLine:
        return MarkedLine(kind=kind, hunk=hunk, text=text)

    lines = (
        line(LineKind.MERGED, "above", hunk=0),
        line(LineKind.OURS, "\tthe target's"),
        line(LineKind.BASE, "what both came from"),
        line(LineKind.THEIRS, "the branch's <b>"),
        line(LineKind.MERGED, "below", hunk=0),
    )
    return ConflictDetail(
        branch=branch,
        hunks=(),
        hunks_left_out=0,
        files=(MarkedFile(path="src/<b>.py", hunks=1, has_base=True, lines=lines, lines_left_out=0),),
        ours="main",
        theirs=branch,
        branch_commits=outlook_of(8).forecast.commits[:1],
        branch_commits_left_out=2,
        target_commits=(),
        target_commits_left_out=0,
    )


def events_of(branches: int) -> list[tuple[str, str]]:
    """What a run of two workers says."""
    forecast = outlook_of(branches).forecast
    said: list[tuple[str, str, dict[str, Any]]] = [
        ("run_started", "", {"steps": branches}),
        ("integration_started", "", {"steps": branches}),
    ]
    for number, one in enumerate(forecast.branches):
        worker = number % 2
        done = {"outcome": "aligned", "duration_s": 0.2, "worker": worker, "done": number + 1, "of": branches}
        said += [("step_started", one.branch, {"worker": worker}), ("step_finished", one.branch, done)]
    return [
        (
            kind,
            json_text(
                {
                    "run_id": RUN_ID,
                    "seq": seq,
                    "at": time_text(AS_OF + timedelta(seconds=seq // 4 * 0.2)),
                    "kind": kind,
                    "branch": branch or None,
                    "target": None,
                    "data": data,
                }
            ),
        )
        for seq, (kind, branch, data) in enumerate(said, start=1)
    ]


def earlier(database: ServiceDatabase, days: tuple[int, ...]) -> None:
    """Numbers of days ago, beside those that are there."""
    table = schema.health
    with database.writing() as connection:
        (row, *_) = connection.execute(table.select()).all()
        for number, day in enumerate(days):
            at = row.at - int(timedelta(days=day).total_seconds() * 1000)
            values = {
                "repository": row.repository,
                "at": at,
                "branches": 9,
                "conflicts": day * 3,
                "behind": 90 - day * number,
            }
            connection.execute(table.insert().values(**values, age_days=20 - day))
