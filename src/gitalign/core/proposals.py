"""What a program may not hand back for a conflicted file, whichever rung it stands behind. Pure.

A program that did nothing, gave up half-way, or took one side ends well, too. What it left would then be published as settled.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

from gitalign.core.conflict import Sides

_LEAST_MARKER = 7
_BLANKS = re.compile(rb"\s+")


class MadeBy(Enum):
    """Behind which rung a program stands."""

    DRIVER = "driver"
    EXTERNAL = "external"
    REGENERATE = "regenerate"


def fault_of(content: bytes, sides: Sides, *, marker_size: int, by: MadeBy, target: bytes = b"") -> str:
    """Why a content settles nothing, in words; empty when nothing speaks against it.

    Args:
        content: the whole file, as it was made.
        sides: of the conflict.
        marker_size: characters of a conflict marker in this file.
        by: what made it.
        target: the target's side, for files that are made again.
    """
    base, ours, theirs = sides.base, sides.ours, sides.theirs
    if _holds_marker(content, (ours, theirs), marker_size):
        return "it left a conflict: what it made holds a conflict marker"
    if b"\0" in content and not any(b"\0" in side for side in (base, ours, theirs)):
        return "what it made is not text"
    if not content.strip() and ours.strip() and theirs.strip():
        return "it left nothing of the file"
    if by is MadeBy.REGENERATE:
        if content == target:
            return "it left the file as the target has it"
        return "it took back what both sides did" if content == base else ""
    if content == base or (by is MadeBy.DRIVER and content == ours):
        return "it left the file as it was"
    for one, other in ((ours, theirs), (theirs, ours)):
        if content == one and _is_lost(other, base=base, content=content):
            return "it took one side and threw the other away"
    return ""


def _holds_marker(content: bytes, sides: tuple[bytes, ...], marker_size: int) -> bool:
    """Whether a line is a marker of a conflict; a line of equal signs alone is none, it may underline a heading.

    A longer row, or one of bars, that stands in a side already is that side's own.
    """
    least = min(_LEAST_MARKER, marker_size)
    marker = re.compile(rb"^(<{%d,}|>{%d,}|\|{%d,})(?:[ \t\v\f\r][^\n]*)?$" % (least, least, least), re.MULTILINE)
    found = list(marker.finditer(content))
    if not found:
        return False
    standing = {line for side in sides for line in side.split(b"\n")}
    gits = (_LEAST_MARKER, marker_size)
    return any(one[0] not in standing or (not one[1].startswith(b"|") and len(one[1]) in gits) for one in found)


def _is_lost(side: bytes, *, base: bytes, content: bytes) -> bool:
    """Whether lines that a side added or removed are not so in a content; blanks do not count."""
    if _bare(side) == _bare(base):
        return False
    has, had, is_now = (Counter(map(_bare, one.split(b"\n"))) for one in (side, base, content))
    return any(is_now[line] < count for line, count in has.items() if count > had[line]) or any(
        is_now[line] > has[line] for line, count in had.items() if count > has[line]
    )


def _bare(text: bytes) -> bytes:
    return _BLANKS.sub(b"", text)
