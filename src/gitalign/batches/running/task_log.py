"""The output of a task, on disk while it runs: the beginning, and at its end the last part, with what is missing said between."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from gitalign.batches.running.redaction import Mask
from gitalign.core.steps import counted

MOST_BYTES = 8 * 1024 * 1024
_TAIL_BYTES = 1024 * 1024


class TaskLog:
    """Takes output as it comes. A full disk loses output and nothing else.

    Args:
        path: of the file, which is appended to: attempts follow one another.
        mask: takes secrets out of what is written.
        most_bytes: kept of one attempt from its beginning; a last part beyond that is written at the end.
    """

    def __init__(self, path: Path, *, mask: Mask | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._mask = mask or Mask(())
        self._most = most_bytes
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._lost = 0
        self._unwritten = 0
        self._gap = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, chunk: bytes) -> None:
        """Take a piece of output."""
        self._take(self._mask.feed(chunk))

    def end_of_output(self) -> None:
        """The command that wrote has ended: what was held back, because it could be the beginning of a secret, is none."""
        self._take(self._mask.rest())

    def masked(self, words: str) -> str:
        """Complete words without the secrets in them."""
        return self._mask.words(words)

    def _take(self, chunk: bytes) -> None:
        room = self._most - self._written
        if room > 0:
            self._put(chunk[:room])
            self._written += min(room, len(chunk))
        if rest := chunk[max(0, room) :]:
            self._tail.append(rest[-_TAIL_BYTES:])
            self._lost += len(rest) - len(self._tail[-1])
            self._tail_bytes += len(self._tail[-1])
            while self._tail_bytes - len(self._tail[0]) >= _TAIL_BYTES:
                gone = len(self._tail.popleft())
                self._tail_bytes -= gone
                self._lost += gone

    def note(self, words: str) -> None:
        """Write a line of ours."""
        self._put(b"[git-align] " + self.masked(words).encode("utf-8", "backslashreplace") + b"\n")

    def close(self) -> None:
        """Write the last part, and close. Again does nothing."""
        if self._file < 0:
            return
        self.end_of_output()
        if self._lost:
            self._put(f"\n[git-align] ... {self._lost} bytes left out ...\n".encode("ascii"))
        for chunk in self._tail:
            self._put(chunk)
        os.close(self._file)
        self._file = -1

    @property
    def notices(self) -> tuple[str, ...]:
        """What is to be reported: output that is not in the file for want of room."""
        words = f"{counted(self._unwritten, 'byte')} of its output are not in its log: the disk was full"
        return (words,) if self._unwritten else ()

    def _put(self, data: bytes) -> None:
        gap = (
            f"\n[git-align] ... {self._gap} bytes left out: the disk was full ...\n".encode("ascii")
            if self._gap
            else b""
        )
        view = memoryview(gap + data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            lost = min(len(view), len(data))
            self._unwritten += lost
            self._gap += lost
        else:
            self._gap = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
