"""Loose objects of a quarantine moved into packs on its disk, where they stay readable for processes that are under way."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from gitalign.git.command import Git
from gitalign.git.loose_pack import LooseObjects, NotPackable
from gitalign.shared_files import make_folder

_AN_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TIMEOUT_S = 600.0


def flush(where: Path, git: Git, *, folder: Path, object_format: str) -> None:
    """Pack the loose objects that are there now, then remove them; readers find them in the packs.

    Args:
        where: the object directory they are in. When it is gone, nothing is done.
        git: of the quarantine.
        folder: of the quarantine; its packs are in `pack` there.
        object_format: of the repository.

    Raises:
        GitError, OutOfSpace: nothing was removed.
        OSError
    """
    oids = _loose(where)
    if not oids:
        return
    # The packs are thrown away with the quarantine: no disk is waited for.
    quick = replace(git, config=(*git.config, ("core.fsync", "none")))
    try:
        alone = replace(quick, variables={**git.variables, "GIT_OBJECT_DIRECTORY": str(apart(folder))})
        with LooseObjects(where, object_format=object_format) as loose:
            for pack in loose.named(oids):
                alone.run("index-pack", "--stdin", stdin=pack, timeout_s=_TIMEOUT_S)
    except NotPackable:
        there = replace(quick, variables={**git.variables, "GIT_OBJECT_DIRECTORY": str(where)})
        words = ("pack-objects", "--quiet", "--window=0", "--compression=1", str(folder / "pack" / "pack"))
        there.run(*words, stdin="".join(f"{oid}\n" for oid in oids).encode("ascii"), timeout_s=_TIMEOUT_S)
    for oid in oids:
        try:
            os.unlink(f"{where}/{oid[:2]}/{oid[2:]}")
        except FileNotFoundError:
            continue


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
