"""Watching a command no one trusts to its end: no input, bounded output, a deadline, and someone who looks at what it uses."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from gitalign import child

WATCH_EVERY_S = 0.2
DEADLINE = "deadline"
CANCELLED = "cancelled"
_KEPT_BYTES = 64 * 1024
"""Of the output, half of it from the beginning."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A command that was watched to its end.

    Attributes:
        returncode: None when it was ended from outside.
        output: beginning and end of what it wrote on standard output and error, in one.
        output_bytes: all it wrote.
        ended_because: `deadline`, `cancelled` or what `watch` said; None when it ended by itself.
    """

    argv: tuple[str, ...]
    returncode: int | None
    output: bytes
    output_bytes: int
    ended_because: str | None
    duration_s: float


def _nothing_seen(pid: int) -> str | None:
    return None


def _never() -> bool:
    return False


def observe(
    call: child.Call,
    *,
    timeout_s: float,
    watch: Callable[[int], str | None] = _nothing_seen,
    is_cancelled: Callable[[], bool] = _never,
    tee: Callable[[bytes], object] | None = None,
) -> Observed:
    """Run a command and read its output, of which only a part is kept.

    When its first process ends, or the deadline passes, or `watch` objects, the whole process group is killed; whatever
    else holds the output open is not waited for.

    Args:
        call: the command; never a shell.
        timeout_s: deadline in seconds.
        watch: asked now and then with the process id; anything but None ends the command.
        is_cancelled: asked now and then.
        tee: given all output as it comes.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    started = time.monotonic()
    running = child.start_unattended(call)
    assert running.stdout is not None
    out = running.stdout.fileno()
    kept = _Kept(_KEPT_BYTES, tee)
    looked = started

    def objection(now: float) -> str | None:
        nonlocal looked
        if now - started >= timeout_s:
            return DEADLINE
        if is_cancelled():
            return CANCELLED
        if now - looked < WATCH_EVERY_S:
            return None
        looked = now
        return watch(running.pid)

    try:
        os.set_blocking(out, False)
        because = _until_the_end(running, out, kept, objection, deadline=started + timeout_s)
        child.kill_group(running)
        code = running.wait()
        kept.drain(out)
    finally:
        child.kill_group(running)
        running.wait()
        running.stdout.close()
        child.forget(running, call.register)
    return Observed(
        argv=tuple(call.argv),
        returncode=code if because is None else None,
        output=kept.content(),
        output_bytes=kept.total,
        ended_because=because,
        duration_s=time.monotonic() - started,
    )


def _until_the_end(
    running: child.Process,
    out: int,
    kept: _Kept,
    objection: Callable[[float], str | None],
    *,
    deadline: float,
) -> str | None:
    """Read what a command writes until it ends by itself, or until something speaks against it: what that was."""
    ended = os.pidfd_open(running.pid) if hasattr(os, "pidfd_open") else -1  # elsewhere the next look notices the end
    try:
        poll = select.poll()
        poll.register(out, select.POLLIN)
        if ended >= 0:
            poll.register(ended, select.POLLIN)
        while True:
            now = time.monotonic()
            because = objection(now)
            if because is not None:
                child.end_group(running)
                return because
            wait_s = min(WATCH_EVERY_S, max(0.0, deadline - now))
            ready = {fd for fd, _ in poll.poll(wait_s * 1000)}
            if out in ready and not kept.read(out):
                poll.unregister(out)
            if ended in ready or (ended < 0 and running.poll() is not None):
                return None
    finally:
        if ended >= 0:
            os.close(ended)


class _Kept:
    """The beginning and the end of a stream."""

    _CHUNK = 1 << 18

    def __init__(self, most: int, tee: Callable[[bytes], object] | None) -> None:
        self._tee = tee
        self._half = max(1, most // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def read(self, fd: int) -> bool:
        """Take what is there; False at the end of the stream."""
        try:
            chunk = os.read(fd, self._CHUNK)
        except BlockingIOError:
            return True
        self.total += len(chunk)
        if self._tee is not None:
            self._tee(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        del self._tail[: -self._half]
        return bool(chunk)

    def drain(self, fd: int) -> None:
        """Take what a pipe can still hold; a writer that goes on is not waited for."""
        for _ in range(8):
            before = self.total
            if not self.read(fd) or self.total == before:
                return

    def content(self) -> bytes:
        """What was kept; a line in between says how much was not."""
        lost = self.total - len(self._head) - len(self._tail)
        gap = f"\n[... {lost} bytes left out ...]\n".encode("ascii") if lost else b""
        return bytes(self._head) + gap + bytes(self._tail)
