"""Logs, audit trail, branch logs: complete, in order, never mixed."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gitalign.core.events import Event, EventKind
from gitalign.engine.runtime import stream as stream_module
from gitalign.engine.runtime.stream import EventStream, JournalListener
from gitalign.errors import StoreError
from gitalign.telemetry import STEP_MESSAGES, AuditTrail, BranchLogs, RunLog, configure_logging, messages_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEVEN = [
    "Starting pre-checks...",
    "Creating backup branch...",
    "Fetching primary branch...",
    "Initiating rebase...",
    "Conflict detected, waiting for resolution...",
    "Rebase complete/failed.",
    "Running post-checks...",
]


def event(kind: EventKind, *, branch: str | None = None, seq: int = 1, **data: object) -> Event:
    return Event(run_id="run", seq=seq, at=NOW, kind=kind, branch=branch, data=data)


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    yield
    root = logging.getLogger("gitalign")
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.propagate = True


def test_the_seven_messages_stand_word_for_word_at_their_steps() -> None:
    assert list(STEP_MESSAGES.values()) == SEVEN
    told = [
        message
        for one in (
            event(EventKind.RUN_STARTED),
            event(EventKind.BACKUPS_CREATED),
            event(EventKind.FETCHED),
            event(EventKind.STEP_STARTED),
            event(EventKind.STEP_FINISHED, outcome="conflicted"),
            event(EventKind.VERIFIED),
            event(EventKind.NOTICE),
        )
        for message in messages_of(one)
    ]
    assert told == SEVEN


def test_audit_trail_is_one_object_per_line_and_grows_only(tmp_path: Path) -> None:
    place = tmp_path / "audit.jsonl"
    for _ in range(2):
        trail = AuditTrail(place)
        trail(event(EventKind.RUN_STARTED))
        trail(event(EventKind.STEP_FINISHED, branch="caf\udce9", outcome="aligned"))
        trail(event(EventKind.RUN_FINISHED))
        trail.close()
        trail.close()
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["run_started", "step_finished", "run_finished"] * 2
    assert lines[1]["branch"] == "caf\udce9"
    assert lines[1]["outcome"] == "aligned"


def test_branch_logs_never_mix_under_many_threads(tmp_path: Path) -> None:
    logs = BranchLogs(tmp_path / "logs")
    trail = AuditTrail(tmp_path / "audit.jsonl")
    stream = EventStream("run", lambda: NOW, [logs, trail])

    def work(name: str) -> None:
        for number in range(50):
            stream(EventKind.STEP_RETRIED, branch=name, attempt=number)
        stream(EventKind.STEP_FINISHED, branch=name, outcome="aligned")

    threads = [threading.Thread(target=work, args=(f"feature/{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logs.close()
    trail.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 8
    for file in files:
        lines = file.read_text().splitlines()
        assert [line for line in lines if "step_retried" in line] == [
            f"2026-01-01T00:00:00Z step_retried attempt={n}" for n in range(50)
        ]
    numbers = [json.loads(line)["seq"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert numbers == list(range(1, 8 * 51 + 1))


def test_events_without_a_branch_and_many_lines_are_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.telemetry._MOST_LINES", 3)
    logs = BranchLogs(tmp_path / "logs")
    logs(event(EventKind.RUN_STARTED))
    for number in range(5):
        logs(event(EventKind.STEP_RETRIED, branch="x\x1b[31m", attempt=number))
    logs.close()
    (file,) = (tmp_path / "logs").iterdir()
    assert len(file.read_text().splitlines()) == 5


def test_logs_of_moved_branches_are_written_ahead_and_what_comes_later_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.telemetry._BRANCHES_AT_ONCE", 2)
    monkeypatch.setattr("gitalign.telemetry._MOST_UNWRITTEN", 1)
    logs = BranchLogs(tmp_path / "logs")
    for number in range(7):
        logs(event(EventKind.STEP_FINISHED, branch=f"b{number}", outcome="aligned"))
        logs(event(EventKind.BRANCH_MOVED, branch=f"b{number}"))
    # No more than one piece of work waits, so the first ones are on disk by now.
    assert len(list((tmp_path / "logs").iterdir())) >= 4
    for number in range(7):
        logs(event(EventKind.BRANCH_PUSHED, branch=f"b{number}"))
    logs.close()
    logs.close()
    for number in range(7):
        kinds = [line.split()[1] for line in (tmp_path / "logs" / f"b{number}.log").read_text().splitlines()]
        assert kinds[-3:] == ["step_finished", "branch_moved", "branch_pushed"]


def test_logs_that_cannot_be_written_are_reported_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    logs = BranchLogs(tmp_path / "logs")
    logs(event(EventKind.BRANCH_MOVED, branch="b"))
    with pytest.raises(OSError, match="logs"):
        logs.close()


def test_a_listener_that_raises_is_left_out_and_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def explodes(event: Event) -> None:
        raise RuntimeError("boom")

    stream = EventStream("run", lambda: NOW, [explodes, lambda event: seen.append(event.seq)])
    with caplog.at_level(logging.ERROR, logger="gitalign.events"):
        stream(EventKind.NOTICE)
        stream(EventKind.NOTICE)
    assert seen == [1, 2]
    assert len([record for record in caplog.records if "left out" in record.message]) == 1


def test_a_listener_without_room_is_left_out_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def is_full(event: Event) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run.log")

    with caplog.at_level(logging.ERROR, logger="gitalign.events"):
        EventStream("run", lambda: NOW, [is_full])(EventKind.NOTICE)
    (record,) = caplog.records
    assert not record.exc_info
    assert "cannot write run.log: No space left on device" in record.getMessage()


def test_events_that_the_journal_did_not_take_are_written_with_the_next_ones() -> None:
    written: list[int] = []
    turns = iter((True, True, False))

    def append(events: Sequence[Event]) -> None:
        if next(turns, False):
            raise StoreError("database or disk is full")
        written.extend(event.seq for event in events)

    durable = JournalListener(append)
    stream = EventStream("run", lambda: NOW, [durable])
    stream(EventKind.RUN_STARTED)
    stream(EventKind.NOTICE)
    with pytest.raises(StoreError):
        durable.flush()
    stream(EventKind.RUN_FINISHED)
    assert written == [1, 2, 3]
    durable.flush()
    assert written == [1, 2, 3]


def test_a_journal_that_answers_late_is_not_asked_for_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds its lock: every branch waits for as long as the journal is asked."""
    now = asked = 0

    def append(_: Sequence[Event]) -> None:
        nonlocal now, asked
        now, asked = now + 15, asked + 1
        raise StoreError("database is locked")

    monkeypatch.setattr(stream_module, "time", SimpleNamespace(monotonic=lambda: now))
    stream = EventStream("run", lambda: NOW, [JournalListener(append)])
    for _ in range(200):
        now += 1
        stream(EventKind.STEP_FINISHED)
    assert asked == 2
    assert now < 300


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 7), ("INFO", 6), ("WARNING", 1)])
def test_the_run_log_follows_its_level(tmp_path: Path, level: str, lines: int) -> None:
    place = tmp_path / "run.log"
    log = RunLog(place, level=level)
    log(event(EventKind.RUN_STARTED))
    log(event(EventKind.STEP_STARTED, branch="x\x1by"))
    log(event(EventKind.STEP_FINISHED, branch="x", outcome="failed"))
    log(event(EventKind.RUN_FINISHED))
    log.close()
    written = place.read_text()
    assert len(written.splitlines()) == lines
    assert "\x1b" not in written
    assert ("Starting pre-checks..." in written) is (level != "WARNING")


def test_logging_is_structured_and_can_be_set_again(tmp_path: Path) -> None:
    place = tmp_path / "log"
    configure_logging("DEBUG", file=place)
    logging.getLogger("gitalign.driver").warning("something %s", "odd")
    configure_logging("INFO")
    (line,) = place.read_text().splitlines()
    assert "level=warning" in line
    assert "something odd" in line
