"""Children that answer questions."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from gitalign.child.processes import (
    KILL_GRACE_S,
    STDERR_KEPT_BYTES,
    ChildEnded,
    ChildRegister,
    ChildTimedOut,
    end_group,
    forget,
    kill_group,
    note,
)


class Conversation:
    """A child that answers questions: write a request, read its answer, each with a deadline.

    Not thread-safe: one conversation belongs to one worker.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | Path | None = None,
        register: ChildRegister | None = None,
    ) -> None:
        self._argv = tuple(argv)
        self._register = register
        self._child = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        note(self._child, register)
        self._in = _fd(self._child.stdin)
        self._out = _fd(self._child.stdout)
        self._err = _fd(self._child.stderr)
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        self._buffer = bytearray()
        self._stderr = bytearray()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def send(self, data: bytes, *, deadline: float) -> None:
        """Write `data` whole, reading answers meanwhile so that neither side waits for the other.

        Args:
            deadline: `time.monotonic()` value.

        Raises:
            ChildEnded, ChildTimedOut
        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._in, view) :]
            except BlockingIOError:
                self._wait(deadline, writing=True)
            except BrokenPipeError:
                self._ended()

    def read(self, size: int, *, deadline: float) -> bytes:
        """Exactly `size` bytes."""
        while len(self._buffer) < size:
            self._wait(deadline)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_until(self, mark: bytes, *, deadline: float) -> bytes:
        """Everything up to `mark`, which is consumed and not returned."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark) + 1)
            self._wait(deadline)
        data = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return data

    @property
    def holds_more(self) -> bool:
        """Whether something has come that was not read yet."""
        return bool(self._buffer)

    def peek(self, *, deadline: float) -> bytes:
        """The next byte, which stays to be read."""
        while not self._buffer:
            self._wait(deadline)
        return bytes(self._buffer[:1])

    def take(self, record: re.Pattern[bytes]) -> list[bytes]:
        """Group 1 of every whole record that has come, as far as they follow one another; they are consumed. Does not wait."""
        taken: list[bytes] = []
        at = 0
        while match := record.match(self._buffer, at):
            taken.append(bytes(match[1]))
            at = match.end()
        match = None
        del self._buffer[:at]
        return taken

    def receive(self, wait_s: float) -> bool:
        """Take in what the child has written; when that is nothing, wait that many seconds for it.

        Returns:
            False when nothing came.

        Raises:
            ChildEnded
        """
        ready = self._poll.poll(wait_s * 1000)
        before = len(self._buffer)
        self._take_in(ready)
        return len(self._buffer) > before

    def close(self) -> None:
        """End the child; safe to call twice."""
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self._child.poll() is None:
            try:
                self._child.wait(0.5)
            except subprocess.TimeoutExpired:
                end_group(self._child)
        kill_group(self._child)
        forget(self._child, self._register)

    def _wait(self, deadline: float, *, writing: bool = False) -> None:
        if writing:
            self._poll.register(self._in, select.POLLOUT)
        try:
            remaining = deadline - time.monotonic()
            ready = self._poll.poll(remaining * 1000) if remaining > 0 else []
        finally:
            if writing:
                self._poll.unregister(self._in)
        if not ready:
            end_group(self._child)
            raise ChildTimedOut(f"{' '.join(self._argv[:4])}: no answer in time")
        self._take_in(ready)

    def _take_in(self, ready: Sequence[tuple[int, int]]) -> None:
        for fd, _ in ready:
            if fd == self._out:
                chunk = os.read(self._out, 1 << 16)
                if not chunk:
                    self._ended()
                self._buffer += chunk
            elif fd == self._err:
                chunk = os.read(self._err, 1 << 16)
                if chunk:
                    self._stderr += chunk
                    del self._stderr[:-STDERR_KEPT_BYTES]
                else:
                    self._poll.unregister(self._err)

    def _ended(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(KILL_GRACE_S)
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(self._err, 1 << 16):
                self._stderr += chunk
        raise ChildEnded(self._child.poll(), bytes(self._stderr[-STDERR_KEPT_BYTES:]))


def _fd(stream: IO[bytes] | None) -> int:
    assert stream is not None
    return stream.fileno()
