"""The command line in a pseudo-terminal, in a warm process: a person who reads and types, without the half second of imports."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path
from typing import TYPE_CHECKING

from pexpect import EOF, TIMEOUT
from pexpect.fdpexpect import fdspawn

from tests import warm

if TYPE_CHECKING:
    _Spawn = fdspawn[str]
else:
    _Spawn = fdspawn


_SEEN_S = 12.0


class Terminal(_Spawn):
    """A pseudo-terminal and the process that it controls; as `pexpect.spawn`, as far as tests need it.

    Args:
        words: of the command line.
        rows: height.
        columns: width.
        cwd: where the command runs.
        env: variables beside this process's own ones.
        timeout: seconds that `expect` waits.
    """

    def __init__(
        self,
        *words: object,
        rows: int = 50,
        columns: int = 200,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = warm.start(*words, cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs, terminal=True)
        os.close(theirs)
        super().__init__(ours, timeout=timeout, encoding="utf-8")
        self.exitstatus: int | None = None

    def sendcontrol(self, char: str) -> int:
        """Press a key together with Ctrl."""
        return int(self.send(chr(ord(char.upper()) - 64)))

    def end_with(self, char: str) -> None:
        """Press a key that ends the process, again where it was not seen: readline misses a signal that comes while it begins to wait."""
        for _ in range(5):
            self.sendcontrol(char)
            if self.expect([EOF, TIMEOUT], timeout=_SEEN_S) == 0:
                return
        raise AssertionError(f"it goes on after five times Ctrl-{char.upper()}: {self.before!r}")

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def close(self) -> None:
        """Take the terminal away, and note how the process ended."""
        super().close()
        self.exitstatus = self.process.wait()
