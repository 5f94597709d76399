"""Loose objects of a quarantine moved into packs on its disk, where they stay readable for processes that are under way."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gitalign.errors import GitError
from gitalign.git.command import Git, text
from gitalign.git.loose_pack import LooseObjects, NotPackable
from gitalign.git.own_packs import Unreadable, ids_in
from gitalign.shared_files import make_folder

_AN_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TIMEOUT_S = 600.0


def flush(where: Path, git: Git, *, folder: Path, object_format: str) -> None:
    """Pack the loose objects that are there now, then remove those that git found in the packs, where readers find them, too.

    Args:
        where: the object directory they are in. When it is gone, nothing is done.
        git: of the quarantine.
        folder: of the quarantine; its packs are in `pack` there.
        object_format: of the repository.

    Raises:
        GitError, OutOfSpace: nothing was removed that is not in a pack.
        OSError
    """
    oids = _loose(where)
    if not oids:
        return
    # The packs are thrown away with the quarantine: no disk is waited for.
    quick = replace(git, config=(*git.config, ("core.fsync", "none")))
    names: list[str] = []
    try:
        alone = replace(quick, variables={**git.variables, "GIT_OBJECT_DIRECTORY": str(apart(folder))})
        with LooseObjects(where, object_format=object_format) as loose:
            for pack in loose.named(oids):
                names += text(alone.run("index-pack", "--stdin", stdin=pack, timeout_s=_TIMEOUT_S).stdout).split()[1:]
    except NotPackable:
        there = replace(quick, variables={**git.variables, "GIT_OBJECT_DIRECTORY": str(where)})
        words = ("pack-objects", "--quiet", "--window=0", "--compression=1", str(folder / "pack" / "pack"))
        asked = "".join(f"{oid}\n" for oid in oids).encode("ascii")
        names += text(there.run(*words, stdin=asked, timeout_s=_TIMEOUT_S).stdout).split()
    _remove_packed(where, oids, [folder / "pack" / f"pack-{name}.idx" for name in names])


def _remove_packed(where: Path, oids: list[str], indexes: list[Path]) -> None:
    """Remove loose objects that git lists in the packs; every other one stays, and is an error."""
    try:
        packed = set().union(*(ids_in(index, id_bytes=len(oids[0]) // 2) for index in indexes))
    except Unreadable as error:
        raise GitError(f"what was packed cannot be read: {error}", hint="run again") from error
    left: list[str] = []
    for oid in oids:
        place = f"{where}/{oid[:2]}/{oid[2:]}"
        if oid not in packed:
            left += [oid] if os.path.exists(place) else []
            continue
        with suppress(FileNotFoundError):
            os.unlink(place)
    if left:
        raise GitError(f"object {left[0]} is not what its name says, or git did not pack it", hint="run again")


def _loose(where: Path) -> list[str]:
    # Beside objects there are files that are being written at this moment (`tmp_obj_…`).
    try:
        fans = [fan for fan in os.listdir(where) if len(fan) == 2]
        named = [fan + name for fan in fans for name in os.listdir(where / fan)]
    except FileNotFoundError:
        return []  # it is gone: noticed before anything is published
    return [oid for oid in named if _AN_OBJECT.fullmatch(oid)]


def apart(folder: Path) -> Path:
    """An object directory with the packs of a quarantine and nothing else, in which git compares no object with itself.

    Raises:
        OSError
    """
    packing = folder / "packing"
    make_folder(packing)
    if not (packing / "pack").is_symlink():
        (packing / "pack").symlink_to(folder / "pack")
    return packing
