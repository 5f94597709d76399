"""Blocks of network ports, one per running task, so that servers of tasks do not get in each other's way."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

from gitalign.errors import NoResources
from gitalign.process_owner import HeldLock

FIRST_PORT = 21_000
PORTS = 10
"""In a block."""
_BLOCKS = 1_000  # up to 30,999, below the ports that Linux hands out by itself


def take_block(folder: Path) -> tuple[int, HeldLock]:
    """The first port of a block that no other task of this user holds, and the lock that holds it.

    Args:
        folder: where locks are; the same one for all repositories.

    Raises:
        NoResources: all are held, or in use by other programs.
    """
    for number in range(_BLOCKS):
        first = FIRST_PORT + number * PORTS
        place = folder / str(first)
        # To look takes no time; to try waits a little for one that only looks.
        if HeldLock.is_held(place) or (lock := HeldLock.take(place)) is None:
            continue
        if all(map(_is_free, range(first, first + PORTS))):
            return first, lock
        lock.release()
    raise NoResources("no block of free ports is left for a task", hint="end programs that listen on many ports")


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
