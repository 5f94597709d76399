"""A fingerprint of all that a plan depends on, and answers that are kept under one.

Whatever is not known to be the same is different: an answer is thrown away, never mended. What is covered, and why that is
enough: docs/adr/0040-known-answers.md.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.engine.run.planned_history import Seen, deciding_files, stamp_of
from gitalign.engine.run.session import Look, Request
from gitalign.engine.runtime.snapshots import take_snapshot
from gitalign.git.configured import configured
from gitalign.git.repository import Repository
from gitalign.shared_files import adopt

if TYPE_CHECKING:
    from gitalign.core.snapshot import Tip

_PROGRAM = Path(__file__).resolve().parents[2]
_LONGEST_BYTES = 1024 * 1024


def fingerprint_now(look: Look, request: Request) -> str | None:
    """The fingerprint of what is there now; None when something of it cannot be seen.

    The plan that is made next for the same request is made from what was looked at here.

    Raises:
        GitError
    """
    if look.given is None or look.journal.stamp() is None:
        return None
    files = deciding_files(look.repository.common_dir)
    snapshot, configuration = take_snapshot(look.repository, now=look.now()), configured(look.repository)
    look.history.keep_look(snapshot, configuration)
    seen = Seen(checkouts=snapshot.checkouts, configured=configuration.digest(), settings=look.given, files=files)
    return fingerprint(look, request, snapshot.tips, seen)


def fingerprint(look: Look, request: Request, tips: Iterable[Tip], seen: Seen) -> str | None:
    """Digest of all that a plan, and what becomes of it, depends on; None when something of it cannot be seen.

    Args:
        look: the repository, and what settings are read from.
        request: what is asked.
        tips: every ref under refs/heads and refs/remotes.
        seen: what else a plan is made from.
    """
    repository = look.repository
    stamp = look.journal.stamp()
    if stamp is None or seen.settings is None:
        return None
    return _digest(
        [
            f"{sys.version} {repository.git_version} {look.surroundings.environ.get('PATH')}",
            repr((repository.common_dir, repository.git_dir, repository.work_tree, repository.is_bare)),
            repr((request.only, request.exclude, request.or_remote, request.needs_branches)),
            *sorted(f"{tip.ref} {tip.oid} {tip.symbolic_target} {tip.object_type}" for tip in tips),
            *sorted(f"{one.path!r} {one.ref} {one.state} {one.detail!r}" for one in seen.checkouts),
            seen.configured,
            seen.settings,
            stamp,
            *_program(),
            *seen.files,
            *_stores(repository),
        ]
    )


def _program() -> Iterator[str]:
    """Every folder of this program: another release, or a change of a file, replaces files in them."""
    for folder, inner, _ in os.walk(_PROGRAM):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        yield f"{folder} {stamp_of(Path(folder))}"


def logs_of_branches(repository: Repository) -> str:
    """Digest of the logs of all branches, which say what was only created."""

    def stamps(folder: Path) -> Iterator[str]:
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for one in sorted(entries, key=lambda one: one.name):
                place = Path(one.path)
                yield f"{one.name} {stamp_of(place)}"
                if one.is_dir(follow_symlinks=False):
                    yield from stamps(place)

    return _digest(stamps(Path(repository.common_dir) / "logs" / "refs" / "heads"))


def _stores(repository: Repository) -> Iterator[str]:
    """Folders that get every new object."""
    for store in repository.object_stores():
        yield f"{store} {stamp_of(store)}"
        with os.scandir(store) as entries:
            yield from sorted(f"{one.name} {stamp_of(Path(one.path))}" for one in entries if one.is_dir())


def _digest(parts: Iterable[str]) -> str:
    made = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        made.update(b"%d:" % len(data) + data)
    return made.hexdigest()


def keep(place: Path, head: str, key: str, lines: Iterable[str]) -> None:
    """Write an answer, whole or not at all.

    Raises:
        OSError
    """
    content = "\n".join((head, key, *lines)) + "\n"
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
        adopt(Path(name))
        os.replace(name, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def kept(place: Path, head: str) -> tuple[str, list[str]] | None:
    """The fingerprint and the lines that `keep` wrote; None where there is nothing that can be read."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            first, key, *lines, end = file.read(_LONGEST_BYTES).decode("utf-8", "surrogateescape").split("\n")
    except (OSError, ValueError):
        return None
    return (key, lines) if first == head and not end else None
