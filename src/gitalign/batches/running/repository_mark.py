"""What of the user's repository changed while tasks ran: a task that is not confined can do that, and so can a person."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository

_OURS = "refs/gitalign/"
_FILES = (
    "HEAD",
    "config",
    "config.worktree",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "objects/info/alternates",
)
_HOOKS = "hooks"
_MOST_BYTES = 1024 * 1024
_MOST_FILES = 1_000


@dataclass(frozen=True, slots=True)
class RepositoryMark:
    """Where refs stand that are not ours, and what the files say that configure git."""

    refs: Mapping[str, Oid]
    files: Mapping[str, str]

    @classmethod
    def of(cls, repository: Repository) -> RepositoryMark:
        """As it is now.

        Raises:
            GitError
        """
        refs = {ref: oid for ref, oid in read_refs(repository, "refs").items() if not ref.startswith(_OURS)}
        folder = Path(repository.common_dir)
        try:
            hooks = sorted(os.listdir(folder / _HOOKS))[:_MOST_FILES]
        except OSError:
            hooks = []
        names = [*_FILES, *(f"{_HOOKS}/{one}" for one in hooks if not one.endswith(".sample"))]
        marks = {name: _mark(folder / name) for name in names}
        return cls(refs, {name: mark for name, mark in marks.items() if mark})

    def changed_until(self, after: RepositoryMark) -> tuple[str, ...]:
        """Refs and files of the git directory that are not as they were, by name."""
        return (*_differing(self.refs, after.refs), *_differing(self.files, after.files))


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]


def _mark(path: Path) -> str:
    """What tells one content from another; empty for nothing there. Nothing is waited for, and no link is followed."""
    try:
        if path.is_symlink():
            return f"link {os.readlink(path)}"
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return f"{path.stat().st_mode} {hashlib.sha256(file.read(_MOST_BYTES)).hexdigest()}"
    except OSError as error:
        return f"unreadable: {error.strerror}"
