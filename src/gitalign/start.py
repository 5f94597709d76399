"""Entry point of the command: what must hold before anything else is imported.

Here: standard streams that cannot break the work, signals during start-up, and variables that would break a library.
Imports next to nothing until the command itself is started.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys

TYPE_CHECKING = False  # as `typing` has it, which takes longer to import than everything here
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_INTERRUPTED = 130
_LEAST_BYTES = 128 * 1024 * 1024
"""Of address space. With less, libraries that are not written in Python end the process wherever memory runs out."""
_NO_MEMORY = "not enough memory to start; raise the limit (ulimit -v) and try again"
_is_starting = True


def main() -> None:
    """Start the command line. Exit codes: docs/command-line.md."""
    global _is_starting
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A signal that was ignored when the process began stays ignored (`nohup`, background jobs): see `man 1p sh`.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    code = _INTERRUPTED
    try:
        from gitalign.streams import drop_odd_sizes, guard_streams

        guard_streams()
        if sys.argv[1:2] == ["__complete"]:
            # Behind a key press: nothing else is imported.
            from gitalign.cli.complete import main as complete

            code = _ended(lambda: complete(sys.argv[2:]))
            raise SystemExit(code)
        drop_odd_sizes()
        if _is_too_narrow():
            _say(_NO_MEMORY)
            raise SystemExit(3)
        # A run makes many values and hardly a circle: looking for circles less often saves a sixth of its own processor time.
        gc.set_threshold(50_000, 20, 20)
        from gitalign.cli.main import load
        from gitalign.cli.main import main as command

        load(sys.argv[1:])
        _is_starting = False
        code = _ended(command)
    except KeyboardInterrupt:
        _say("interrupted")
    except (MemoryError, ImportError, OSError) as error:
        if not _is_shortage(error):
            raise
        code = 3
        _say(_NO_MEMORY)
    finally:
        # What is left is to end: a signal now needs no words.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_DFL)
        # The interpreter would look for circles among all values once more, only to end with its process.
        gc.freeze()
    raise SystemExit(code)


def _is_too_narrow() -> bool:
    import resource

    bound, _ = resource.getrlimit(resource.RLIMIT_AS)
    return bound != resource.RLIM_INFINITY and bound < _LEAST_BYTES


def _ended(command: Callable[[], None]) -> int:
    """The exit code of the command; not 0 when what it printed did not arrive (`--help` on a full disk)."""
    from gitalign.streams import lost_output

    try:
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    if (lost := lost_output()) is None:
        return code
    _say(f"cannot write to standard output: {lost.strerror}")
    return code or 3


def _is_shortage(error: Exception) -> bool:
    """True when an import failed because there was no memory: Python says so in several ways."""
    words = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or "cannot allocate memory" in words
        or "failed to map segment" in words
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _is_starting:
        # Nothing was begun, so nothing is to be cleaned up; an exception inside an import could be swallowed there.
        os._exit(_INTERRUPTED)
    raise KeyboardInterrupt


def _say(words: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"error: {words}\n")
