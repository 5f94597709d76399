"""The log of a branch, where it is a file: whether anything was ever committed on it."""

from __future__ import annotations

import os
from pathlib import Path

from gitalign.git.command import text
from gitalign.git.repository import Repository

_CREATED = "\tbranch: Created from "
_MOST_BYTES = 8_192


def was_only_created(repository: Repository, ref: str) -> bool:
    """True when the log of a branch says that it was created here, from something else than the same branch of a remote, and nothing more.

    Where there is no log, nothing is known, and the answer is False.

    Args:
        repository: the repository.
        ref: full name.

    Source: `git help gitrepository-layout` (logs); builtin/branch.c ("branch: Created from").
    """
    try:
        with (Path(repository.common_dir) / "logs" / os.fsdecode(ref.encode("utf-8", "surrogateescape"))).open(
            "rb"
        ) as log:
            entries = text(log.read(_MOST_BYTES)).splitlines()
    except OSError:
        return False
    if len(entries) != 1:
        return False
    _, is_creation, source = entries[0].partition(_CREATED)
    return bool(is_creation) and not source.endswith(f"/{ref.removeprefix('refs/heads/')}")
