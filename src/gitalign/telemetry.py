"""Logs, audit trail and per-branch log files: listeners of the one event stream. Nothing here decides anything."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gitalign.core.events import Event, EventKind
from gitalign.core.names import display, file_name_for
from gitalign.core.secrets_in_text import without_secrets
from gitalign.documents.events import dump_audit
from gitalign.documents.formats import json_text
from gitalign.documents.reading import time_text
from gitalign.shared_files import adopt, hands_down, make_folder

STEP_MESSAGES: Mapping[str, str] = {
    "pre_checks": "Starting pre-checks...",
    "backup": "Creating backup branch...",
    "fetch": "Fetching primary branch...",
    "rebase": "Initiating rebase...",
    "conflict": "Conflict detected, waiting for resolution...",
    "rebase_done": "Rebase complete/failed.",
    "post_checks": "Running post-checks...",
}
"""The seven messages of the alignment script's specification, word for word, at their steps."""

_MOST_LINES = 10_000
_MOST_HELD = 1_000
_BRANCHES_AT_ONCE = 64
_MOST_UNWRITTEN = 4
_ENDS_BRANCH = frozenset({EventKind.BRANCH_MOVED, EventKind.BRANCH_HELD_BACK})
_DURABLE = frozenset(
    {
        EventKind.PUBLISH_STARTED,
        EventKind.RUN_FINISHED,
        EventKind.VERIFIED,
        EventKind.BATCH_COMPLETED,
        EventKind.BATCH_RUN_COMPLETED,
    }
)


def configure_logging(level: str, *, file: Path | None = None) -> None:
    """Send logs to standard error, or to a file, with the context that is bound (run, branch, stage).

    Args:
        level: name of a logging level.
        file: appended to; standard error when None.
    """
    import structlog

    handler: logging.Handler = (
        logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
        if file is not None
        else logging.StreamHandler(sys.stderr)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
            lambda _, __, line: without_secrets(str(line)),
        ],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger("gitalign")
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    root.propagate = False


def messages_of(event: Event) -> tuple[str, ...]:
    """The specified step messages that an event stands for."""
    match event.kind:
        case EventKind.RUN_STARTED:
            return (STEP_MESSAGES["pre_checks"],)
        case EventKind.FETCHED:
            return (STEP_MESSAGES["fetch"],)
        case EventKind.STEP_STARTED:
            return (STEP_MESSAGES["rebase"],)
        case EventKind.STEP_FINISHED:
            stopped = (STEP_MESSAGES["conflict"],) if event.data.get("outcome") == "conflicted" else ()
            return (*stopped, STEP_MESSAGES["rebase_done"])
        case EventKind.BACKUPS_CREATED:
            return (STEP_MESSAGES["backup"],)
        case EventKind.VERIFIED:
            return (STEP_MESSAGES["post_checks"],)
        case _:
            return ()


class RunLog:
    """The log of one run: the step messages, and what happened beside them.

    Args:
        path: appended to.
        level: name of a logging level: DEBUG writes every event, INFO the steps and their outcomes, WARNING and above only
            what did not go well.
    """

    def __init__(self, path: Path, *, level: str) -> None:
        self._path = path
        self._level = logging.getLevelNamesMapping()[level]
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        branch = f" branch={display(event.branch)}" if event.branch else ""
        stamp = time_text(event.at)
        lines = (
            [f"{stamp} INFO {message}{branch}" for message in messages_of(event)] if self._level <= logging.INFO else []
        )
        weight = _weight(event)
        if self._level <= weight:
            lines.append(
                f"{stamp} {logging.getLevelName(weight)} {event.kind.value}{branch} {_words(event.data)}".rstrip()
            )
        with self._lock:
            self._lines += lines
            if len(self._lines) > _MOST_HELD or event.kind in _DURABLE:
                self._write()

    def close(self) -> None:
        """Write what is held."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            _append(str(self._path), lines)


def _append(path: str, lines: Sequence[str], *, adopts: bool = True) -> None:
    """Add lines to a file.

    Args:
        path: of the file; made when it is not there.
        lines: without their ends.
        adopts: whether a new file is to take over the permissions of its folder.
    """
    data = memoryview(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        if adopts and not os.fstat(handle).st_size:
            adopt(Path(path))
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


def _weight(event: Event) -> int:
    """The logging level of an event."""
    match event.kind:
        case EventKind.STEP_FINISHED if event.data.get("outcome") in ("failed", "skipped"):
            return logging.WARNING
        case EventKind.BRANCH_HELD_BACK | EventKind.PUSH_REJECTED | EventKind.BREAKER_TRIPPED | EventKind.STEP_RETRIED:
            return logging.WARNING
        case EventKind.TASK_COMPLETED | EventKind.BATCH_COMPLETED if not event.data.get("success"):
            return logging.WARNING
        case (
            EventKind.FELL_BACK | EventKind.SNAPSHOT_FAILED | EventKind.CONFLICT_FORESEEN | EventKind.REPOSITORY_CHANGED
        ):
            return logging.WARNING
        case EventKind.STEP_STARTED | EventKind.TASK_SNAPSHOT | EventKind.BATCH_RUN_PROGRESS:
            return logging.DEBUG
        case _:
            return logging.INFO


class AuditTrail:
    """Append-only trail of a run: one JSON object per line, each written by one call.

    Args:
        path: the file; made when the first event comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        data = json_text(dump_audit(event)).encode("ascii") + b"\n"
        with self._lock:
            if self._handle is None:
                self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
                adopt(self._path)
            os.write(self._handle, data)
            if event.kind in _DURABLE:
                os.fsync(self._handle)

    def close(self) -> None:
        """Close the file, on disk."""
        with self._lock:
            if self._handle is not None:
                os.fsync(self._handle)
                os.close(self._handle)
                self._handle = None


class BranchLogs:
    """One log file per branch, with everything that happened to it.

    Lines are kept, up to a bound, and a branch's are written together: neighbours never mix, one file is open at a time. A
    thread writes those of branches that were moved while git moves the next ones: making files takes as long as moving refs.

    Args:
        folder: made when the first line is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, list[str]] = {}
        self._count = 0
        self._ended: list[str] = []
        self._lock = threading.Lock()
        self._adopts: bool | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._unwritten: deque[Future[None]] = deque()

    def __call__(self, event: Event) -> None:
        """Take one event.

        Raises:
            OSError: lines that were handed over before could not be written.
        """
        if event.branch is None or self._is_nothing(event):
            return
        stamp = time_text(event.at)
        lines = [f"{stamp} {message}" for message in messages_of(event)]
        lines.append(f"{stamp} {event.kind.value} {_words(event.data)}".rstrip())
        with self._lock:
            self._held.setdefault(event.branch, []).extend(lines)
            self._count += len(lines)
            if event.kind in _ENDS_BRANCH:
                self._ended.append(event.branch)
            if self._count > _MOST_LINES:
                self._hand_over(tuple(self._held))
            elif len(self._ended) >= _BRANCHES_AT_ONCE:
                self._hand_over(self._ended)

    def _is_nothing(self, event: Event) -> bool:
        """True for a branch that needed nothing: a file that says so for each would cost more than the run."""
        unchanged = event.kind is EventKind.STEP_FINISHED and event.data.get("outcome") == "unchanged"
        return unchanged and event.branch not in self._held

    def close(self) -> None:
        """Write what is held.

        Raises:
            OSError
        """
        with self._lock:
            try:
                self._hand_over(tuple(self._held))
                while self._unwritten:
                    self._unwritten.popleft().result()
            finally:
                if self._writer is not None:
                    self._writer.shutdown()
                    self._writer = None

    def _hand_over(self, branches: Iterable[str]) -> None:
        """Give lines of branches to the thread that writes; no more of them wait for it than fit into memory."""
        lines = {branch: self._held.pop(branch) for branch in dict.fromkeys(branches) if branch in self._held}
        self._ended = []
        if not lines:
            return
        self._count -= sum(map(len, lines.values()))
        while len(self._unwritten) >= _MOST_UNWRITTEN or (self._unwritten and self._unwritten[0].done()):
            self._unwritten.popleft().result()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="branch-logs")
        self._unwritten.append(self._writer.submit(self._write, lines))

    def _write(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Runs in the one thread that writes, so that lines of a branch stay in order."""
        if self._adopts is None:
            make_folder(self._folder)
            self._adopts = hands_down(self._folder)
        for branch, written in lines.items():
            _append(f"{self._folder}/{file_name_for(branch)}.log", written, adopts=self._adopts)


def _words(data: Mapping[str, Any]) -> str:
    return " ".join(
        [
            f"{key}={display(value) if isinstance(value, str) else value}"
            for key, value in data.items()
            if value is not None
        ]
    )
