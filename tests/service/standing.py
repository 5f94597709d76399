"""A worker that stands still before it publishes: `warm.begin("tests.service.standing:main", DATABASE, FILE)`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import open_service_database


def main() -> None:
    database, reached = map(Path, sys.argv[1:])

    def stand_still(name: str) -> None:
        if name == "pin":
            reached.touch()
            time.sleep(100)

    Workers(open_service_database(file=database), WorkSettings(), checkpoint=stand_still).work_once()
