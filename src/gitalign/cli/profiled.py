"""What a profiler counts while a verb works, in every thread, as a file for `python -m pstats`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

from gitalign.output_file import require_writable, write_whole


@contextmanager
def _counted(place: Path) -> Iterator[None]:
    import cProfile  # seldom asked for
    import marshal
    import pstats

    profiles = [cProfile.Profile()]
    lock = threading.Lock()

    def begin(frame: FrameType, event: str, argument: object) -> Any:
        """Called for the first event of a new thread; a profiler of its own takes over from there."""
        profile = cProfile.Profile()
        with lock:
            profiles.append(profile)
        profile.enable()

    threading.setprofile(begin)
    profiles[0].enable()
    try:
        yield
    finally:
        profiles[0].disable()
        threading.setprofile(None)
        with lock:
            stats = pstats.Stats(*profiles)
        write_whole(place, marshal.dumps(stats.stats))  # type: ignore[attr-defined]


def profiled(place: Path | None) -> Any:
    """A context that writes the profile when it ends, also by an error; one that does nothing without a file.

    Raises:
        UserError: the file cannot be written.
        OutOfSpace

    Source: the format of `pstats.Stats.dump_stats`.
    """
    if place is None:
        return nullcontext()
    require_writable(place)
    return _counted(place)
