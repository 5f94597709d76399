"""A process whose clock is stepped while it runs, as an administrator, a virtual machine or a time server steps it.

Every program that is started so has the clock of the machine and an offset that a file holds: it is read at each look at the
clock. The offset is that of the time of day; time since the machine was started goes on as it does (`man 2 clock_settime`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import needs
from tests.warm import ROOT

YEARS_S = 10 * 365 * 86_400

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long offset(void) {
    const char *path = getenv("STEPPED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char text[32] = {0};
    if (file < 0) return 0;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    return size > 0 ? atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
"""


@dataclass
class Clock:
    """A clock of its own for processes.

    Args:
        folder: an empty folder for it.
    """

    folder: Path

    def __post_init__(self) -> None:
        needs.program("cc", "gcc libc6-dev")
        self.folder.mkdir()
        source, self._library = self.folder / "clock.c", self.folder / "clock.so"
        source.write_text(_SOURCE)
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(self._library), str(source)], check=True)
        self.step_to(0)

    def step_to(self, offset_s: int) -> None:
        """Set the clock so many seconds off that of the machine."""
        place = self.folder / "new"
        place.write_text(str(offset_s))
        place.replace(self.folder / "offset")

    def start(self, *words: object, **more: Any) -> subprocess.Popen[str]:
        """Start Python with these words, on this clock; keywords as for `subprocess.Popen`."""
        environ = {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "STEPPED_CLOCK": str(self.folder / "offset"),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen([sys.executable, *map(str, words)], text=True, env=environ, **more)

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """The same, to its end."""
        with self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
