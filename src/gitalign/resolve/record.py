"""Changing recorded resolutions: add, forget, import. Every change is a commit on the ref."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitalign.core.commit import new_commit
from gitalign.core.names import RESOLUTIONS_REF, Oid, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.documents import resolution_origins
from gitalign.errors import OutOfSpace
from gitalign.git.identity import operator_ident
from gitalign.git.refs import RefUpdater
from gitalign.git.repository import Repository
from gitalign.git.trees import blob_id, write_blobs, write_commit, write_tree
from gitalign.resolve.entries import MOST_ENTRIES, MOST_VARIANTS, Images, Resolution, entry_name, fault_of
from gitalign.resolve.recorded_resolutions import FORGOTTEN, LEARNED, RecordedResolutions, rr_cache_of
from gitalign.shared_files import make_folder, share

_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a change came to.

    Attributes:
        added: new ones.
        known: that were there already.
        withheld: forgotten before, and so not added again.
        refused: (conflict, why) of those that cannot be used.
    """

    added: tuple[Images, ...] = ()
    known: int = 0
    withheld: int = 0
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A commit on the ref of recorded resolutions.

    Attributes:
        at: its time.
        message: its subject.
        learned: commits whose history has been learned from, instead of those noted before; None keeps those.
        forgotten: what another repository forgot.
        also: a commit whose resolutions are imported; it becomes the second parent.
    """

    at: datetime
    message: str
    learned: Iterable[Oid] | None = None
    forgotten: Iterable[Images] = ()
    also: Oid | None = None


Files = dict[bytes, tuple[str, Oid] | None]
"""Mode and blob by name; None removes the file."""


def record(
    repository: Repository,
    recorded: RecordedResolutions,
    resolutions: Iterable[Resolution],
    change: Change,
    *,
    again: bool = False,
) -> Recorded:
    """Add resolutions. One that is there already stays as it is; another one for the same conflict stands beside it.

    Args:
        repository: the repository.
        memory: as it was read from the ref.
        resolutions: checked here, whatever made them.
        change: the commit.
        again: add also what was forgotten.

    Raises:
        RefLocked: another process changed the ref meanwhile.
        GitError, OutOfSpace, ConfigError
    """
    additions = _Additions(recorded, object_format=repository.object_format)
    forgotten = recorded.forgotten | frozenset(change.forgotten)
    for resolution in resolutions:
        additions.add(resolution, withheld=frozenset() if again else forgotten)
    added = additions.added
    forgotten -= {images for images, _, _ in added}
    learned = recorded.learned if change.learned is None else frozenset(change.learned)
    if added or forgotten != recorded.forgotten or learned != recorded.learned or change.also is not None:
        files = _files_of(repository, added)
        for entry in recorded.all():
            if not entry.in_rr_cache and entry.images in forgotten:
                files |= _without(entry.images.conflict, entry.variant)
        _commit(repository, recorded, files, replace(change, learned=learned, forgotten=forgotten))
    return Recorded(
        added=tuple(images for images, _, _ in added),
        known=additions.known,
        withheld=additions.withheld,
        refused=tuple(additions.refused),
    )


class _Additions:
    """Resolutions to add, each in a free place beside those that are there."""

    def __init__(self, recorded: RecordedResolutions, *, object_format: str) -> None:
        own = {name: [one for one in several if not one.in_rr_cache] for name, several in recorded.entries.items()}
        self._object_format = object_format
        self._total = sum(map(len, own.values()))
        self._taken = {name: {one.variant for one in several} for name, several in own.items()}
        self._images = {one.images for several in own.values() for one in several}
        self.added: list[tuple[Images, int, Resolution]] = []
        self.refused: list[tuple[str, str]] = []
        self.known = self.withheld = 0

    def add(self, resolution: Resolution, *, withheld: Collection[Images]) -> None:
        """Add one, unless it is known, withheld, or cannot be used."""
        if (fault := fault_of(resolution, object_format=self._object_format)) is not None:
            self.refused.append((resolution.conflict, fault))
            return
        contents = (resolution.preimage, resolution.postimage)
        before, after = (blob_id(content, object_format=self._object_format) for content in contents)
        images = Images(resolution.conflict, before, after)
        taken = self._taken.setdefault(resolution.conflict, set())
        free = min(set(range(MOST_VARIANTS + 1)) - taken)
        if images in self._images:
            self.known += 1
        elif images in withheld:
            self.withheld += 1
        elif free == MOST_VARIANTS or self._total + len(self.added) >= MOST_ENTRIES:
            self.refused.append((resolution.conflict, "there are too many already"))
        else:
            self._images.add(images)
            taken.add(free)
            self.added.append((images, free, resolution))


def _files_of(repository: Repository, added: Sequence[tuple[Images, int, Resolution]]) -> Files:
    contents = [content for _, _, one in added for content in (one.preimage, one.postimage, _origin_text(one))]
    ids = write_blobs(repository.git, contents, object_format=repository.object_format)
    files: Files = {}
    for (images, variant, _), origin in zip(added, ids[2::3], strict=True):
        for part, oid in (("preimage", images.preimage), ("postimage", images.postimage), ("origin", origin)):
            files[entry_name(images.conflict, part, variant).encode("ascii")] = (_FILE, oid)
    return files


def forget(repository: Repository, recorded: RecordedResolutions, wanted: Sequence[Images], *, at: datetime) -> None:
    """Forget resolutions, so that they are not applied any more, wherever else they are still kept.

    Raises:
        RefLocked, GitError, OutOfSpace, ConfigError
    """
    files: Files = {}
    for entry in recorded.all():
        if entry.images in wanted and not entry.in_rr_cache:
            files |= _without(entry.images.conflict, entry.variant)
    names = ", ".join(sorted({one.conflict[:12] for one in wanted}))
    forgotten = recorded.forgotten | frozenset(wanted)
    change = Change(at=at, message=f"Forget {names}", learned=recorded.learned, forgotten=forgotten)
    _commit(repository, recorded, files, change)


def _without(conflict: str, variant: int) -> Files:
    return {entry_name(conflict, what, variant).encode("ascii"): None for what in ("preimage", "postimage", "origin")}


def _origin_text(one: Resolution) -> bytes:
    return resolution_origins.content_of(one.origin)


def _commit(repository: Repository, recorded: RecordedResolutions, files: Files, change: Change) -> None:
    lists = (
        (FORGOTTEN, sorted(" ".join(images) for images in change.forgotten)),
        (LEARNED, sorted(change.learned or ())),
    )
    written = write_blobs(
        repository.git,
        ["".join(f"{line}\n" for line in lines).encode("ascii") for _, lines in lists],
        object_format=repository.object_format,
    )
    for (name, lines), oid in zip(lists, written, strict=True):
        files[name.encode("ascii")] = (_FILE, oid) if lines else None
    tree = write_tree(repository.git, recorded.commit, files)
    who = operator_ident(repository, at=change.at)
    parents = tuple(oid for oid in (recorded.commit, change.also) if oid is not None)
    body = new_commit(tree=tree, parents=parents, author=who, committer=who, message=f"{change.message}\n".encode())
    after = write_commit(repository.git, body)
    door = RefUpdater(repository, forbidden=frozenset(), message="git-align resolutions")
    try:
        refusal = door.move_own(
            [RefUpdate(ref=RESOLUTIONS_REF, before=recorded.commit or zero_like(after), after=after)]
        )
    finally:
        door.close()
    if refusal is not None:
        raise refusal.as_error(f"{RESOLUTIONS_REF} cannot be moved", hint="do it again")


def write_rr_cache(repository: Repository, resolutions: Iterable[Resolution]) -> int:
    """Let git itself know resolutions; how many were written. What git has recorded for a conflict stays as it is.

    Raises:
        OutOfSpace
    """
    count = 0
    for one in resolutions:
        folder = rr_cache_of(repository) / one.conflict
        if fault_of(one, object_format=repository.object_format) is not None or folder.exists():
            continue
        try:
            make_folder(folder.parent)
            with tempfile.TemporaryDirectory(prefix="new-", dir=folder.parent) as made:
                place = Path(made) / one.conflict
                place.mkdir()
                (place / "preimage").write_bytes(one.preimage)
                (place / "postimage").write_bytes(one.postimage)
                share(place, into=folder.parent)
                os.rename(place, folder)  # whole or not at all: git may be reading
                count += 1
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                continue
            raise OutOfSpace(f"cannot write {error.filename or folder}: {error.strerror}") from error
    return count


def imported(one: Resolution, source: str) -> Resolution:
    """A resolution of another person, with a word on how it came here."""
    return replace(one, origin=replace(one.origin, imported_from=source))
