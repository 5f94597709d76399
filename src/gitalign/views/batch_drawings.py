"""A batch run as drawings: what needs what, and who ran when. Made from the document `batch-run` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gitalign.documents.reading import as_time
from gitalign.views.graph_drawing import Node, graph_drawing
from gitalign.views.lane_drawing import Bar, Lane, lane_drawing

MOST_TASKS = 120
"""Drawn; a list shows the rest."""

Href = Callable[[str], str]


def batch_graph(run: Mapping[str, Any], *, href: Href | None = None) -> str:
    """Tasks by batch, with arrows from each to those that need it; empty where the plan does not say.

    Args:
        run: the document `batch-run`.
        href: address of a task's page.
    """
    needs = {str(task["id"]): task.get("needs", ()) for task in (run["plan"].get("task_list") or {}).get("tasks", ())}
    columns = {str(task): number for number, batch in enumerate(run["plan"]["batches"]) for task in batch["task_ids"]}
    nodes = [
        Node(
            name=name,
            column=columns.get(name, 0),
            state=str(task["status"]),
            needs=[str(one["task"]) for one in needs.get(name, ())],
            soft=[str(one["task"]) for one in needs.get(name, ()) if one.get("kind") == "soft"],
            href=None if href is None else href(name),
        )
        for name, task in list(run["tasks"].items())[:MOST_TASKS]
    ]
    return (
        graph_drawing(
            nodes, title=f"{_how_many(len(nodes), len(run['tasks']))} of batch run {run['id']} and what each needs"
        )
        if nodes
        else ""
    )


def _how_many(drawn: int, there_are: int) -> str:
    return f"{drawn} tasks" if drawn == there_are else f"The first {drawn} of {there_are} tasks"


def batch_gantt(run: Mapping[str, Any], *, now: datetime, href: Href | None = None) -> str:
    """When each task ran, and when each batch landed; empty before the first has begun.

    Args:
        run: the document `batch-run`.
        now: the end of what still runs.
        href: address of a task's page.
    """
    started = [as_time(task["started_at"]) for task in run["tasks"].values() if task["started_at"]]
    if not started:
        return ""
    first = min(started)

    def bar(one: Mapping[str, Any], begun: str, name: str) -> Bar:
        end = as_time(one["finished_at"]) if one["finished_at"] else now
        start_s = (as_time(begun) - first).total_seconds()
        return Bar(start_s=start_s, end_s=max(start_s, (end - first).total_seconds()), name=name, state=one["status"])

    lanes = []
    for number, batch in enumerate(run["plan"]["batches"]):
        progress = run["batches"][number] if number < len(run["batches"]) else {}
        if progress.get("started_at"):
            lanes.append(Lane(name=f"batch {number}", bars=[bar(progress, progress["started_at"], f"batch {number}")]))
        for name in map(str, batch["task_ids"]):
            task = run["tasks"].get(name)
            if task is not None and task["started_at"] and len(lanes) < MOST_TASKS:
                lane = [bar(task, task["started_at"], name)]
                lanes.append(Lane(name=f"  {name}", bars=lane, href=None if href is None else href(name)))
    return lane_drawing(lanes, title=f"When the tasks of batch run {run['id']} ran")
