"""A run as a work log sees it."""

from __future__ import annotations

from pathlib import Path

from gitalign import facade
from gitalign.compat.work_log import WorkLogListener
from gitalign.core.plan import Permit
from tests.git.workspace import Workspace


class Log:
    def __init__(self, *, breaks: bool = False) -> None:
        self.entries: list[tuple[str, str]] = []
        self.todos: list[tuple[str, str]] = []
        self.saved = 0
        self._breaks = breaks

    def add_work_log(self, *, action: str, details: str) -> None:
        self.entries.append((action, details))

    def update_todo(self, todo_id: str, status: str) -> None:
        if self._breaks:
            raise OSError("no session")
        self.todos.append((todo_id, status))

    def save_session(self) -> None:
        self.saved += 1


def history(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("start", {"file": b"1\n"})
    for branch, files in (("clean", {"own": b"1\n"}), ("clash", {"file": b"2\n"}), ("red", {"red": b"1\n"})):
        work.switch(branch, "main")
        work.commit(branch, files)
    work.switch("main")
    work.commit("more", {"file": b"3\n"})
    return work


def test_what_moved_is_completed_and_nothing_else(tmp_path: Path) -> None:
    work, log, broken = history(tmp_path), Log(), Log(breaks=True)
    request = facade.Request(
        repo=work.path,
        overrides={"validation.test_command": ["sh", "-c", "! test -e red"], "validation.confinement": "none"},
    )
    permit = Permit(plan_id="*", given_by="test")
    report = facade.run(request, permit=permit, listeners=[WorkLogListener(log), WorkLogListener(broken)])
    assert dict(log.todos) == {"clean": "completed", "clash": "failed", "red": "failed"}
    assert {status for _, status in log.todos[:3]} >= {"in_progress"}
    details = dict(log.entries)
    assert details["clean onto main"] == "aligned and moved"
    assert details["clash onto main"].startswith("conflicted")
    assert details["red onto main"] == "not published: git align show says why"
    assert (log.entries[-1], log.saved) == ((f"run {report.run.id} ended", "attention"), 1)
    assert broken.saved == 0
    assert report.run.moved == 1
