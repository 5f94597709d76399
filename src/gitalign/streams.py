"""Standard output and standard error that never break the work: closed, full, or without a reader.

Here: what is put in their place when the process starts, and what was lost on the way. Not here: what is written.
"""

from __future__ import annotations

import errno
import io
import os
import re
import select
import sys

_TRIES_S = 60.0


class KeptStream(io.RawIOBase):
    """A file descriptor to which writing never raises: the first error is kept, and what follows goes nowhere.

    Attributes:
        lost: why something that was written did not arrive; None when all did.
        is_told: it was reported.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.lost: OSError | None = None
        self.is_told = False

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: object) -> int:
        """Write as much as can be written at once."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        while self.lost is None:
            try:
                return os.write(self._descriptor, view)
            except BlockingIOError:
                # Another program made the terminal or pipe non-blocking.
                if not select.select([], [self._descriptor], [], _TRIES_S)[1]:
                    self.lost = OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            except OSError as error:
                self.lost = error
        return len(view)


def guard_streams() -> None:
    """Open what was closed (as git does at its start), and put `KeptStream` under standard output and standard error."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Otherwise the next file that is opened would get this number, and output would land in it.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = _kept(getattr(sys.stdout, "encoding", None), 1)
    sys.stderr = _kept(getattr(sys.stderr, "encoding", None), 2)


def _kept(encoding: str | None, descriptor: int) -> io.TextIOWrapper:
    raw = KeptStream(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding or "utf-8",
        errors="backslashreplace",
        line_buffering=descriptor == 2 or raw.isatty(),
    )


def lost_output() -> OSError | None:
    """Why something of standard output did not arrive, said once; None when all did, or when the streams are not ours.

    A reader that has seen enough (`| head`) is no loss.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(raw, KeptStream) or raw.lost is None or raw.is_told:
        return None
    raw.is_told = True
    return None if raw.lost.errno == errno.EPIPE else raw.lost


def drop_odd_sizes() -> None:
    """Remove variables that no terminal has: rich stops with a traceback at some of them."""
    for name in ("COLUMNS", "LINES", "JUPYTER_COLUMNS", "JUPYTER_LINES"):
        if name in os.environ and not is_size(os.environ[name]):
            del os.environ[name]


def is_size(value: str | None) -> bool:
    """True for a number of columns or lines that a terminal can have."""
    return value is not None and re.fullmatch(r"[1-9][0-9]{0,3}", value, re.ASCII) is not None
