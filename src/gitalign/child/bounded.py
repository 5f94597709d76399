"""Commands whose output is bounded: what they say may come from a machine that is not ours."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from typing import IO

from gitalign.child.processes import (
    KILL_GRACE_S,
    STDERR_KEPT_BYTES,
    Call,
    ChildSaidTooMuch,
    ChildTimedOut,
    Completed,
    end_group,
    forget,
    kill_group,
    note,
)

_CHUNK = 64 * 1024


class _Kept:
    """What a stream said: all of it up to a bound, or its end."""

    def __init__(self, stream: IO[bytes], *, most_bytes: int, keeps_end: bool) -> None:
        self.said = bytearray()
        self.is_too_much = threading.Event()
        self._stream, self._most, self._keeps_end = stream, most_bytes, keeps_end
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while part := self._stream.read1(_CHUNK):  # type: ignore[attr-defined]
                self.said += part
                if len(self.said) <= self._most:
                    continue
                if self._keeps_end:
                    del self.said[: -self._most]
                else:
                    self.is_too_much.set()
                    return


def run_bounded(call: Call, *, stdin: bytes = b"", timeout_s: float, most_bytes: int) -> Completed:
    """Run a command to its end, like `run`; of its errors the last 64 KiB are kept.

    Args:
        call: the command.
        stdin: bytes given on standard input, then closed.
        timeout_s: deadline in seconds.
        most_bytes: of its output.

    Raises:
        FileNotFoundError: when the executable is missing.
        ChildTimedOut: when the deadline passed.
        ChildSaidTooMuch: it was ended because it wrote more.
    """
    child = subprocess.Popen(
        list(call.argv),
        env=dict(call.env),
        cwd=call.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    note(child, call.register)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    name = " ".join(call.argv[:4])
    try:
        out = _Kept(child.stdout, most_bytes=most_bytes, keeps_end=False)
        err = _Kept(child.stderr, most_bytes=STDERR_KEPT_BYTES, keeps_end=True)
        feeder = threading.Thread(target=_feed, args=(child.stdin, stdin), daemon=True)
        feeder.start()
        deadline = time.monotonic() + timeout_s
        out.reader.join(timeout_s)
        if out.is_too_much.is_set():
            raise ChildSaidTooMuch(f"{name}: ended because it wrote more than {most_bytes} bytes")
        err.reader.join(max(0.0, deadline - time.monotonic()))
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as late:
            raise ChildTimedOut(f"{name}: no end after {timeout_s:g} s") from late
        feeder.join(KILL_GRACE_S)
        return Completed(tuple(call.argv), child.returncode, bytes(out.said), bytes(err.said))
    finally:
        if child.poll() is None:
            end_group(child)
        # Left-overs of the group (a credential helper, say) must not outlive the command.
        kill_group(child)
        forget(child, call.register)
        child.stdout.close()
        child.stderr.close()


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:
        stream.write(data)
