"""Where the files of a run are."""

from __future__ import annotations

from pathlib import Path

from gitalign.git.repository import Repository


def run_folder(repository: Repository, run_id: str) -> Path:
    """Where a run's report, logs and audit trail are."""
    return repository.state_dir / "runs" / run_id
