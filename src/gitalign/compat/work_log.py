"""A listener that keeps a work log elsewhere: `add_work_log`, `update_todo`, `save_session`, as the helper tools name them."""

from __future__ import annotations

from typing import Protocol

from gitalign.core.events import Event, EventKind


class WorkLog(Protocol):
    """What the work log offers."""

    def add_work_log(self, *, action: str, details: str) -> object:
        """Add an entry."""

    def update_todo(self, todo_id: str, status: str) -> object:
        """Change the state of an item: `in_progress`, `completed` or `failed`."""

    def save_session(self) -> object:
        """Keep what was added."""


class WorkLogListener:
    """Tells a work log what a run does, branch by branch: `facade.run(request, listeners=[WorkLogListener(log)], …)`.

    A log that raises is left out from then on, as every listener is; the run goes on.

    Args:
        log: the work log.
    """

    def __init__(self, log: WorkLog) -> None:
        self._log = log
        self._open: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        branch = event.branch or ""
        outcome, reason = str(event.data.get("outcome") or ""), str(event.data.get("reason") or "")
        match event.kind:
            case EventKind.STEP_STARTED if branch not in self._open:
                self._open[branch] = f"{branch} onto {event.target}"
                self._log.update_todo(branch, "in_progress")
            case EventKind.STEP_FINISHED if outcome == "unchanged":
                self._close(branch, "completed", outcome)
            case EventKind.STEP_FINISHED if outcome != "aligned":
                self._close(branch, "failed", f"{outcome}: {reason}" if reason else outcome)
            case EventKind.BRANCH_MOVED:
                self._close(branch, "completed", "aligned and moved")
            case EventKind.BRANCH_HELD_BACK:
                self._close(branch, "failed", f"held back: {reason or event.data.get('detail', '')}")
            case EventKind.RUN_FINISHED:
                for left in list(self._open):
                    self._close(left, "failed", "not published: git align show says why")
                self._log.add_work_log(action=f"run {event.run_id} ended", details=outcome)
                self._log.save_session()
            case _:
                pass

    def _close(self, branch: str, status: str, details: str) -> None:
        """An aligned result is not the end: only a branch that moved, or need not move, is completed."""
        action = self._open.pop(branch, branch)
        self._log.add_work_log(action=action, details=details)
        self._log.update_todo(branch, status)
