"""A worker that is killed at a checkpoint: `warm.call("tests.service.dying:main", DATABASE, CHECKPOINT)`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import open_service_database


def main() -> None:
    file, name = sys.argv[1:]

    def die(reached: str) -> None:
        if reached == name:
            os.kill(os.getpid(), signal.SIGKILL)

    Workers(open_service_database(file=Path(file)), WorkSettings(lease_s=1.0), checkpoint=die).work_once()
