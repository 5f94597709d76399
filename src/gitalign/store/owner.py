"""Who owns a run: a process, told from every other process by host, boot, pid and the moment it started."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil


def this_owner() -> str:
    """An owner string for this process: `host|boot|pid|started`."""
    return f"{socket.gethostname()}|{_boot_id()}|{os.getpid()}|{psutil.Process().create_time():.2f}"


def owner_is_alive(owner: str) -> bool:
    """Whether the process behind an owner string still lives.

    True as well when that cannot be known: a process on another host, or a string nobody here wrote.
    """
    try:
        host, boot, pid, started = owner.split("|")
        number, moment = int(pid), float(started)
    except ValueError:
        return True
    if host != socket.gethostname():
        return True
    if boot != _boot_id():
        return False
    try:
        process = psutil.Process(number)
        return abs(process.create_time() - moment) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"
