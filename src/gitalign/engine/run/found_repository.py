"""Where the repository of a request is, asked of git once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gitalign.git.repository import Repository, open_repository


class FoundRepository:
    """Keeps where the repository of one request is, so that planning and then running asks git once."""

    def __init__(self) -> None:
        self._held: tuple[object, tuple[tuple[int, int], ...], Repository] | None = None

    def open(self, path: Path | str, environ: Mapping[str, str]) -> Repository:
        """The repository that is meant; errors as for `open_repository`."""
        asked = (str(path), os.getcwd(), dict(environ))
        if self._held is not None:
            earlier, then, repository = self._held
            if earlier == asked and then and then == _identity(repository):
                return repository
        repository = open_repository(path, environ=environ)
        self._held = asked, _identity(repository), repository
        return repository


def _identity(repository: Repository) -> tuple[tuple[int, int], ...]:
    """What tells a repository from another one at the same place; empty where nothing is there."""
    places = (repository.common_dir, repository.git_dir, repository.work_tree or repository.git_dir)
    try:
        return tuple((found.st_dev, found.st_ino) for found in map(os.stat, places))
    except OSError:
        return ()
