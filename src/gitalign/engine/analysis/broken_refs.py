"""Refs that lead nowhere: to an object that is not there, to a ref that is not there, or unreadable. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository

_LONGEST = 4_096
_SYMBOLIC = b"ref: "


@dataclass(frozen=True, slots=True)
class BrokenRef:
    """A ref that leads nowhere.

    Attributes:
        ref: full name.
        reason: in words.
        is_dangling: a symbolic ref to a ref that is not there, which does no harm (`origin/HEAD` after a prune).
    """

    ref: str
    reason: str
    is_dangling: bool = False


def broken_refs(repository: Repository) -> tuple[BrokenRef, ...]:
    """Every broken ref, by name.

    git lists what it can read and leaves out the others: what has a file and is not listed is broken. Storage without such files
    (`reftable`, packed refs) has none that git would not report itself.

    Raises:
        GitError
    """
    tips = read_tips(repository, "refs")
    found = [
        BrokenRef(tip.ref, f"its object {tip.oid[:12]} is missing") for tip in tips if tip.object_type == "missing"
    ]
    listed = {tip.ref for tip in tips}
    common = Path(repository.common_dir)
    for folder, _, names in os.walk(common / "refs"):
        for name in names:
            place = Path(folder) / name
            ref = place.relative_to(common).as_posix()
            if ref not in listed and not name.endswith(".lock"):
                found.append(_unlisted(ref, place))
    return tuple(sorted((one for one in found if one.reason), key=lambda one: one.ref))


def _unlisted(ref: str, place: Path) -> BrokenRef:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            content = file.read(_LONGEST)
    except FileNotFoundError:
        return BrokenRef(ref, "")  # packed or deleted at this moment
    except OSError as error:
        return BrokenRef(ref, f"its file cannot be read: {error.strerror}")
    if content.startswith(_SYMBOLIC):
        leads_to = content.removeprefix(_SYMBOLIC).strip().decode("utf-8", "surrogateescape")
        return BrokenRef(ref, f"it leads to {leads_to}, which is not there", is_dangling=True)
    return BrokenRef(ref, "its file holds no object id")
