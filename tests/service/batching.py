"""A worker that runs one batch: `warm.begin("tests.service.batching:main", DATABASE)`."""

from __future__ import annotations

import sys
from pathlib import Path

from gitalign.service.working.batch_policy import BatchPolicy
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import open_service_database


def main() -> None:
    policy = BatchPolicy(allowed=True, confinement="none")
    Workers(open_service_database(file=Path(sys.argv[1])), WorkSettings(batches=policy)).work_once()
