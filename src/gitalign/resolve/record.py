"""Changing the memory: resolutions added, withdrawn, put together with somebody else's. Every change is a commit on the ref."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitalign.core.commit import new_commit
from gitalign.core.names import RESOLUTIONS_REF, Oid, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.documents import wire
from gitalign.errors import OutOfSpace, RefLocked
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
        withheld: forgotten before, and so not taken in again.
        refused: (conflict, why) of those that cannot be used.
    """

    added: tuple[Images, ...] = ()
    known: int = 0
    withheld: int = 0
    refused: tuple[tuple[str, str], ...] = ()


def record(
    repository: Repository,
    memory: RecordedResolutions,
    resolutions: Iterable[Resolution],
    *,
    at: datetime,
    message: str,
    again: bool = False,
    learned: Iterable[Oid] | None = None,
    forgotten: Iterable[Images] = (),
    also: Oid | None = None,
) -> Recorded:
    """Take resolutions in. One that is there already stays as it is; another one for the same conflict stands beside it.

    Args:
        repository: the repository.
        memory: as it was read from the ref.
        resolutions: checked here, whoever made them.
        at: time of the commit.
        message: its subject.
        again: take in also what was forgotten.
        learned: commits whose history has been learned from, instead of those noted before; None keeps those.
        forgotten: withdrawn by somebody else.
        also: a commit whose memory all this is from; it becomes the second parent.

    Raises:
        RefLocked: somebody else changed the memory meanwhile.
        GitError, OutOfSpace, ConfigError
    """
    own = {name: [one for one in several if not one.in_rr_cache] for name, several in memory.entries.items()}
    total = sum(map(len, own.values()))
    taken = {name: {one.variant for one in several} for name, several in own.items()}
    images = {one.images for several in own.values() for one in several}
    withdrawn = memory.forgotten | frozenset(forgotten)
    added: list[tuple[Images, int, Resolution]] = []
    refused: list[tuple[str, str]] = []
    known = withheld = 0
    for one in resolutions:
        if (fault := fault_of(one, object_format=repository.object_format)) is not None:
            refused.append((one.conflict, fault))
            continue
        ids = [blob_id(content, object_format=repository.object_format) for content in (one.preimage, one.postimage)]
        same = Images(one.conflict, ids[0], ids[1])
        free = min(set(range(MOST_VARIANTS + 1)) - taken.setdefault(one.conflict, set()))
        if same in images:
            known += 1
        elif same in withdrawn and not again:
            withheld += 1
        elif free == MOST_VARIANTS or total + len(added) >= MOST_ENTRIES:
            refused.append((one.conflict, "there are too many already"))
        else:
            images.add(same)
            taken[one.conflict].add(free)
            added.append((same, free, one))
    withdrawn -= {same for same, _, _ in added}
    tips = memory.learned if learned is None else frozenset(learned)
    if added or withdrawn != memory.forgotten or tips != memory.learned or also is not None:
        contents = [one for _, _, made in added for one in (made.preimage, made.postimage, _told(made))]
        ids = write_blobs(repository.git, contents, object_format=repository.object_format)
        files: dict[bytes, tuple[str, Oid] | None] = {}
        for (same, variant, _), told in zip(added, ids[2::3], strict=True):
            parts = (("preimage", same.preimage), ("postimage", same.postimage), ("origin", told))
            for what, oid in parts:
                files[entry_name(same.conflict, what, variant).encode("ascii")] = (_FILE, oid)
        for name, several in own.items():
            for entry in several:
                if entry.images in withdrawn:
                    files |= _without(name, entry.variant)
        _commit(repository, memory, files, forgotten=withdrawn, learned=tips, at=at, message=message, also=also)
    return Recorded(added=tuple(same for same, _, _ in added), known=known, withheld=withheld, refused=tuple(refused))


def forget(repository: Repository, memory: RecordedResolutions, wanted: Sequence[Images], *, at: datetime) -> None:
    """Withdraw resolutions, so that they are not applied any more, wherever else they are still kept.

    Raises:
        RefLocked, GitError, OutOfSpace, ConfigError
    """
    files: dict[bytes, tuple[str, Oid] | None] = {}
    for entry in memory.all():
        if entry.images in wanted and not entry.in_rr_cache:
            files |= _without(entry.images.conflict, entry.variant)
    names = ", ".join(sorted({one.conflict[:12] for one in wanted}))
    _commit(
        repository,
        memory,
        files,
        forgotten=memory.forgotten | frozenset(wanted),
        learned=memory.learned,
        at=at,
        message=f"Forget {names}",
    )


def _without(conflict: str, variant: int) -> dict[bytes, tuple[str, Oid] | None]:
    return {entry_name(conflict, what, variant).encode("ascii"): None for what in ("preimage", "postimage", "origin")}


def _told(one: Resolution) -> bytes:
    return wire.dumps(one.origin, indent=2).encode("ascii") + b"\n"


def _commit(
    repository: Repository,
    memory: RecordedResolutions,
    files: dict[bytes, tuple[str, Oid] | None],
    *,
    forgotten: frozenset[Images],
    learned: frozenset[Oid],
    at: datetime,
    message: str,
    also: Oid | None = None,
) -> None:
    lists = ((FORGOTTEN, sorted(" ".join(one) for one in forgotten)), (LEARNED, sorted(learned)))
    written = write_blobs(
        repository.git,
        ["".join(f"{line}\n" for line in lines).encode("ascii") for _, lines in lists],
        object_format=repository.object_format,
    )
    for (name, lines), oid in zip(lists, written, strict=True):
        files[name.encode("ascii")] = (_FILE, oid) if lines else None
    tree = write_tree(repository.git, memory.commit, files)
    who = operator_ident(repository, at=at)
    parents = tuple(oid for oid in (memory.commit, also) if oid is not None)
    body = new_commit(tree=tree, parents=parents, author=who, committer=who, message=f"{message}\n".encode())
    after = write_commit(repository.git, body)
    door = RefUpdater(repository, forbidden=frozenset(), message="git-align resolutions")
    try:
        refusal = door.move_own([RefUpdate(ref=RESOLUTIONS_REF, before=memory.commit or zero_like(after), after=after)])
    finally:
        door.close()
    if refusal is not None:
        raise RefLocked(
            f"{RESOLUTIONS_REF} was changed by another process meanwhile: {refusal.reason}", hint="do it again"
        )


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
    """A resolution of somebody else, with a word on how it came here."""
    return replace(one, origin=replace(one.origin, imported_from=source))
