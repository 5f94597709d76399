"""How far a job is, from its newest events: phase, X of Y, time left, and what each worker did when. Nothing here knows of HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitalign.core.events import EventKind
from gitalign.core.jobs import ServiceEvent
from gitalign.documents.reading import as_time
from gitalign.views.lane_drawing import Bar, Lane, duration_words, lane_drawing

MOST_EVENTS = 2_000
"""Looked at: the lanes of a run of thousands of branches show its newest part."""

_MOST_BARS = 700
_LEAST_SHARE, _LEAST_S = 0.03, 2.0
"""Before so much is done, the rest is not known."""

_PHASES: Mapping[str, str] = {
    EventKind.RUN_STARTED: "preparing",
    EventKind.INTEGRATION_STARTED: "aligning branches",
    EventKind.FURTHEST_STARTED: "finding how far branches align",
    EventKind.CONFLICTS_STARTED: "looking at conflicts",
    EventKind.VALIDATION_STARTED: "checking results",
    EventKind.OBJECTS_STORED: "storing results",
    EventKind.PUBLISH_STARTED: "moving branches",
    EventKind.VERIFIED: "verified",
    EventKind.RUN_FINISHED: "finished",
    EventKind.BATCH_RUN_STARTED: "preparing",
    EventKind.BATCH_STARTED: "running tasks",
    EventKind.MERGE_STARTED: "landing",
    EventKind.BATCH_RUN_COMPLETED: "finished",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is.

    Attributes:
        phase: in words; empty before the first event.
        done, total: branches; 0 before they are known.
        left: the time that the rest takes, in words; empty where that is not known.
        doing: worker and branch of each that is busy.
        lanes: a drawing; empty when no worker finished anything.
    """

    phase: str
    done: int
    total: int
    left: str
    doing: Sequence[tuple[int, str]]
    lanes: str


def progress_of(events: Sequence[ServiceEvent], *, now: datetime) -> Progress:
    """How far a job is.

    Args:
        events: its newest ones, oldest first.
        now: this instant.
    """
    heard = [json.loads(one.document) for one in events if one.kind != "job"]
    phase = next((_PHASES[one["kind"]] for one in reversed(heard) if one["kind"] in _PHASES), "")
    finished = [one for one in heard if one["kind"] == EventKind.STEP_FINISHED]
    data: Mapping[str, Any] = finished[-1]["data"] if finished else {}
    done, total = int(data.get("done", 0)), int(data.get("of", 0))
    if not total:
        started: Mapping[str, Any] = next(
            (one["data"] for one in reversed(heard) if one["kind"] == EventKind.RUN_STARTED), {}
        )
        total = int(started.get("steps", 0))
    begun = next((as_time(one["at"]) for one in heard if one["kind"] == EventKind.INTEGRATION_STARTED), None)
    is_aligning = phase == _PHASES[EventKind.INTEGRATION_STARTED]
    return Progress(
        phase=phase,
        done=done,
        total=total,
        left=_left(begun, done, total, now=now) if is_aligning else "",
        doing=_doing(heard) if is_aligning else (),
        lanes=_lanes(finished),
    )


def _left(begun: datetime | None, done: int, total: int, *, now: datetime) -> str:
    seconds = 0.0 if begun is None else (now - begun).total_seconds()
    if seconds < _LEAST_S or not total or done / total < _LEAST_SHARE:
        return ""
    return f"about {duration_words(max(1, round(seconds / done * (total - done))))} left"


def _doing(heard: Sequence[Mapping[str, Any]]) -> Sequence[tuple[int, str]]:
    busy: dict[int, str] = {}
    for one in heard:
        worker = int(one["data"].get("worker", 0))
        if one["kind"] == EventKind.STEP_STARTED:
            busy[worker] = one["branch"]
        elif one["kind"] == EventKind.STEP_FINISHED and busy.get(worker) == one["branch"]:
            del busy[worker]
    return sorted(busy.items())


def _lanes(finished: Sequence[Mapping[str, Any]]) -> str:
    """One lane for each worker; the beginning is that of the first branch that is shown."""
    spans = [
        (
            int(one["data"].get("worker", 0)),
            as_time(one["at"]).timestamp(),
            float(one["data"].get("duration_s", 0)),
            one,
        )
        for one in finished[-_MOST_BARS:]
    ]
    if not spans:
        return ""
    first = min(end - took for _, end, took, _ in spans)
    workers: dict[int, list[Bar]] = {}
    for worker, end, took, one in spans:
        bar = Bar(start_s=end - took - first, end_s=end - first, name=one["branch"], state=str(one["data"]["outcome"]))
        workers.setdefault(worker, []).append(bar)
    lanes = [Lane(name=f"worker {worker}", bars=bars) for worker, bars in sorted(workers.items())]
    done = int(finished[-1]["data"].get("done", 0))
    which = f"the newest {len(spans)} of {done}" if done > len(spans) else f"{len(spans)}"
    return lane_drawing(lanes, title=f"What {len(lanes)} workers did with {which} branches")
