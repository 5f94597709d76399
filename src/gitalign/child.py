"""Child processes: the only place that starts one.

Every child runs in its own session and process group, with a deadline, with bounded output kept, and is known to a
register so that an interrupted run can end all of them. Not here: anything about git.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Process = subprocess.Popen[bytes]
KILL_GRACE_S = 2.0
STDERR_KEPT_BYTES = 64 * 1024


class ChildTimedOut(Exception):
    """The deadline passed; the child's process group was ended."""


class ChildEnded(Exception):
    """The child ended although more was expected of it. `returncode` and the tail of `stderr` tell why."""

    def __init__(self, returncode: int | None, stderr: bytes) -> None:
        super().__init__(f"child ended with {returncode}")
        self.returncode = returncode
        self.stderr = stderr


@dataclass(frozen=True, slots=True)
class Completed:
    """A child that ran to its end."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A command, never of a shell, with its whole environment and working directory."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | Path | None = None


class ChildRegister:
    """Live children of this process; `end_all` is what a second Ctrl-C calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """Note a child."""
        with self._lock:
            self._children.add(child)

    def discard(self, child: subprocess.Popen[bytes]) -> None:
        """Forget a child that was reaped."""
        with self._lock:
            self._children.discard(child)

    def pids(self) -> tuple[int, ...]:
        """Process ids of live children."""
        with self._lock:
            return tuple(child.pid for child in self._children)

    def end_all(self) -> None:
        """Kill every process group at once."""
        with self._lock:
            children = tuple(self._children)
        for child in children:
            kill_group(child)


REGISTER = ChildRegister()
_SETPRIV = shutil.which("setpriv")


def dies_with_parent(argv: Sequence[str]) -> list[str]:
    """The command, made to be killed when this process dies, where util-linux offers it."""
    return [_SETPRIV, "--pdeathsig", "KILL", "--", *argv] if _SETPRIV else list(argv)


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill a process group at once; whoever is gone already does not matter."""
    _signal_group(child, signal.SIGKILL)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End a process group: politely, then not."""
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(KILL_GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    kill_group(child)
    child.wait()


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: bytes = b"",
    timeout_s: float,
) -> Completed:
    """Run a command to its end.

    Args:
        argv: the command; never a shell.
        env: the whole environment.
        cwd: working directory.
        stdin: bytes given on standard input, then closed.
        timeout_s: deadline in seconds.

    Raises:
        FileNotFoundError: when the executable is missing.
        ChildTimedOut: when the deadline passed.
    """
    child = subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    REGISTER.add(child)
    try:
        try:
            out, err = child.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            end_group(child)
            child.communicate()
            raise ChildTimedOut(f"{' '.join(argv[:4])}: no end after {timeout_s:g} s") from late
        except BaseException:
            end_group(child)
            raise
        return Completed(tuple(argv), child.returncode, out, err)
    finally:
        # Left-overs of the group (a credential helper, say) must not outlive the command.
        kill_group(child)
        REGISTER.discard(child)


def attended(argv: Sequence[str], *, cwd: str | Path) -> int:
    """Run a program that a person sits at (an editor, a merge tool) on our own terminal, to its end; its exit code.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    # In our process group, so that the terminal is its own; it leaves Ctrl-C to the program as shells do.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(list(argv), cwd=cwd, restore_signals=True, preexec_fn=_heed_interrupts)
    finally:
        signal.signal(signal.SIGINT, before)


def shown_by(argv: Sequence[str], text: bytes, *, env: Mapping[str, str]) -> int:
    """Give a pager its input on our own terminal, and wait for its end; its exit code.

    A pager that ends before it has read all is no fault.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pager = subprocess.Popen(
            list(argv), env=dict(env), stdin=subprocess.PIPE, restore_signals=True, preexec_fn=_heed_interrupts
        )
        pager.communicate(text)
        return pager.returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_unattended(call: Call) -> Process:
    """Start a command without input, its output and errors in one pipe. Whoever asks must end, reap and discard it.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    child = subprocess.Popen(
        list(call.argv),
        env=dict(call.env),
        cwd=call.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        bufsize=0,
    )
    REGISTER.add(child)
    return child


def pipe(first: Call, second: Call, *, stdin: bytes, timeout_s: float) -> tuple[Completed, Completed]:
    """Run two commands, the output of the first being the input of the second, without keeping any of it.

    Args:
        stdin: bytes given to the first one.
        timeout_s: deadline of both together in seconds.

    Raises:
        FileNotFoundError: when an executable is missing.
        ChildTimedOut: when the deadline passed.
    """
    source = _start(first, stdin=subprocess.PIPE)
    try:
        sink = _start(second, stdin=source.stdout)
    except BaseException:
        end_group(source)
        REGISTER.discard(source)
        raise
    assert source.stdin is not None
    assert source.stdout is not None
    assert source.stderr is not None
    source.stdout.close()  # the second command alone holds it now, so the first sees when it goes away
    kept: list[bytes] = []
    feeder = threading.Thread(target=_feed, args=(source.stdin, stdin), daemon=True)
    listener = threading.Thread(target=lambda stream: kept.append(stream.read()), args=(source.stderr,), daemon=True)
    feeder.start()
    listener.start()
    try:
        out, err = sink.communicate(timeout=timeout_s)
        source.wait(KILL_GRACE_S)
    except subprocess.TimeoutExpired as late:
        raise ChildTimedOut(f"{' '.join(first.argv[:4])}: no end after {timeout_s:g} s") from late
    finally:
        for one in (source, sink):
            if one.poll() is None:
                end_group(one)
            kill_group(one)
            REGISTER.discard(one)
        feeder.join(KILL_GRACE_S)
        listener.join(KILL_GRACE_S)
    return (
        Completed(tuple(first.argv), source.returncode, b"", b"".join(kept)),
        Completed(tuple(second.argv), sink.returncode, out, err),
    )


def _start(call: Call, *, stdin: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        list(call.argv),
        env=dict(call.env),
        cwd=call.cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    REGISTER.add(child)
    return child


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:
        stream.write(data)


class Conversation:
    """A child that answers questions: write a request, read its answer, each with a deadline.

    Not thread-safe: one conversation belongs to one worker.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str | Path | None = None) -> None:
        self._argv = tuple(argv)
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
        REGISTER.add(self._child)
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
        REGISTER.discard(self._child)

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
