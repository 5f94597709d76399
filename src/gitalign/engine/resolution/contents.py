"""Contents of files in conflict: what each side has, and one that a person hands in."""

from __future__ import annotations

import os
from pathlib import Path

from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import command_on
from gitalign.engine.resolution import sessions
from gitalign.engine.run.session import OpenRepository
from gitalign.errors import UserError
from gitalign.git.objects import FileReader
from gitalign.output_file import write_whole
from gitalign.worktrees import resolution_tree as tree

_TIMEOUT_S = 120.0


def resolve_with(opened: OpenRepository, session: ResolutionSession, path: str, content: bytes) -> bool:
    """Resolve one file with a content; False when conflict markers are left in it.

    Raises:
        UserError: it is not in conflict, or its folder leads out of the work tree.
        OutOfSpace: it cannot be written; the file is as it was.
        GitError
    """
    if path not in tree.look(opened.repository, session).paths:
        raise UserError(f"{path} is not in conflict", hint=command_on("git align resolve", session.branch))
    folder = Path(os.path.realpath(session.folder))
    place = folder / path
    # A link of the branch in the place of a folder must not lead anywhere else.
    if Path(os.path.realpath(place.parent)) != place.parent or ".git" in place.relative_to(folder).parts:
        raise UserError(f"the folder of {path} is not one of the work tree", hint="resolve it in the work tree")
    if not place.is_symlink() and place.is_dir():
        raise UserError(f"{path} is a folder there", hint="resolve it in the work tree")
    if place.is_symlink():
        place.unlink()  # what it leads to is not ours
    place.parent.mkdir(parents=True, exist_ok=True)
    is_executable = place.is_file() and os.access(place, os.X_OK)
    write_whole(place, [content], mode=0o755 if is_executable else 0o644)
    return sessions.resolve_path(opened, session, path, side="as-is")


def sides(opened: OpenRepository, session: ResolutionSession, *, most_bytes: int) -> dict[str, dict[int, bytes | None]]:
    """What each stage is of every path in conflict; None for a content that is too large or no file.

    Raises:
        GitError
    """
    found: dict[str, dict[int, bytes | None]] = {}
    entries = tree.look(opened.repository, session).entries
    reader = FileReader(opened.repository.git, timeout_s=_TIMEOUT_S)
    try:
        contents = reader.read([entry.oid.encode("ascii") for entry in entries], most_bytes=most_bytes)
    finally:
        reader.close()
    for entry, content in zip(entries, contents, strict=True):
        found.setdefault(entry.path, {})[entry.stage] = content
    return found
