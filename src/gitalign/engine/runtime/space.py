"""Room on the disk, looked at before anything begins."""

from __future__ import annotations

import shutil

from gitalign.errors import OutOfSpace
from gitalign.git.repository import Repository

LEAST_FREE_BYTES = 8 * 1024 * 1024


def require_space(repository: Repository) -> None:
    """Refuse to begin on a disk that is all but full.

    Raises:
        OutOfSpace
    """
    free = shutil.disk_usage(repository.common_dir).free
    if free < LEAST_FREE_BYTES:
        raise OutOfSpace(
            f"only {free // 1024} KiB are free at {repository.common_dir}; nothing was changed",
            hint="free some space, then run again",
        )
