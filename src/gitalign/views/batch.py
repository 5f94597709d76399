"""A batch run as a page: its batches with what became of their results, its tasks, and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitalign.core.events import Event
from gitalign.core.names import display
from gitalign.documents.reading import as_time
from gitalign.views.batch_drawings import batch_gantt, batch_graph
from gitalign.views.page import page
from gitalign.views.svg import element

_SHOWN = ("reason", "error", "merge_status", "worktree", "title")
"""Members of an event of which the page shows the first that says something."""
_MOST_HUNKS = 5
"""Of one conflict."""


def batch_page(run: Mapping[str, Any], events: Sequence[Event], *, name: str, status: str) -> str:
    """The page of a batch run.

    Args:
        run: the document `batch-run`.
        events: of the run, oldest first.
        name: of the repository.
        status: as people are shown it: `interrupted` where the process is gone.
    """
    titles = {str(task["id"]): task.get("title", "") for task in (run["plan"].get("task_list") or {}).get("tasks", ())}
    planned, hunks = run["plan"]["batches"], _Hunks()
    data = {
        "name": display(name),
        "run": run["id"],
        "target": display(run["target"]),
        "status": status,
        "mode": run["execution_mode"],
        "mode_reason": display(run["mode_reason"]),
        "seconds": _seconds(run),
        "disk": _disk(run.get("disk")),
        "running": [_conflict(one["conflict"], hunks) for one in run["running_conflicts"]],
        "batches": [
            _batch(
                batch, [_task(str(one), run["tasks"][str(one)], titles) for one in planned[number]["task_ids"]], hunks
            )
            for number, batch in enumerate(run["batches"])
        ],
        "events": [_event(one) for one in events],
        "links": {},
        "authors": [],
        "paths": hunks.paths,
        "texts": hunks.texts,
    }
    return page("batch", title=f"batch run {run['id']}", data=data, drawn=_drawn(run, events))


def _disk(disk: Mapping[str, Any] | None) -> str:
    """What work trees use, as a line."""
    if disk is None:
        return ""
    used, free, most = (disk[name] // 1024**2 for name in ("bytes_used", "bytes_free", "most_bytes_of_a_task"))
    return f"{disk['work_trees']} work trees use {used} MiB of disk, {free} MiB are free; at most {most} MiB for a task"


def _drawn(run: Mapping[str, Any], events: Sequence[Event]) -> str:
    ended = as_time(run["finished_at"]) if run["finished_at"] else None
    now = ended or max((one.at for one in events), default=as_time(run["created_at"]))
    drawings = (("What needs what", batch_graph(run)), ("Who ran when", batch_gantt(run, now=now)))
    return "".join(
        element(
            "section",
            element("h2", title),
            element("div", drawing, class_="scroll", tabindex="0", role="region", aria_label=title),
            class_="drawn",
        )
        for title, drawing in drawings
        if drawing
    )


def _batch(batch: Mapping[str, Any], tasks: list[dict[str, Any]], hunks: _Hunks) -> dict[str, Any]:
    outcome = batch["outcome"] or {}
    return {
        "number": batch["batch_number"],
        "status": batch["status"],
        "merge": outcome.get("merge_status", ""),
        "tests": outcome.get("tests", ""),
        "landed": outcome.get("landed"),
        "landing_run": outcome.get("landing_run", ""),
        "undone_by": batch.get("undone_by", ""),
        "reason": display(batch["reason"]),
        "conflicts": [_conflict(one, hunks) for one in outcome.get("conflicts", ())],
        "left_out": [[display(one["task"]), display(one["reason"])] for one in outcome.get("left_out", ())],
        "tasks": tasks,
    }


def _task(task_id: str, task: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": display(task_id),
        "title": display(titles.get(task_id, "")),
        "status": task["status"],
        "attempts": task["attempts"],
        "seconds": _seconds(task),
        "result": task["result"],
        "words": [display(one) for one in (task["reason"], *task["notices"]) if one],
    }


def _conflict(one: Mapping[str, Any], hunks: _Hunks) -> list[Any]:
    paths = [display(path) for path in one["paths"]]
    return [display(one["first"]), display(one["second"]), paths, hunks.numbered(one["hunks"])]


class _Hunks:
    """Hunks as the script has them: paths and lines by number."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.texts: list[list[str]] = []

    def numbered(self, hunks: Sequence[Mapping[str, Any]]) -> list[Any]:
        """`[hunks, how many are left out]`."""
        return [[self._hunk(one) for one in hunks[:_MOST_HUNKS]], max(0, len(hunks) - _MOST_HUNKS)]

    def _hunk(self, hunk: Mapping[str, Any]) -> list[Any]:
        self.paths.append(display(hunk["path"]))
        return [len(self.paths) - 1, self._side(hunk["first"]), self._side(hunk["second"])]

    def _side(self, side: Mapping[str, Any]) -> list[Any]:
        self.texts.append([display(line.expandtabs(4)) for line in side["text"]])
        return [side["first_line"], side["last_line"], len(self.texts) - 1]


def _event(event: Event) -> list[Any]:
    said = next((str(event.data[key]) for key in _SHOWN if event.data.get(key)), "")
    return [
        event.seq,
        f"{event.at:%H:%M:%S}",
        event.kind.value,
        display(str(event.data.get("task_id", ""))),
        display(said),
    ]


def _seconds(value: Mapping[str, Any]) -> float | None:
    if value["started_at"] is None or value["finished_at"] is None:
        return None
    return (as_time(value["finished_at"]) - as_time(value["started_at"])).total_seconds()
