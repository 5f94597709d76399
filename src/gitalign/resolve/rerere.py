"""Conflicts in git's own terms: the normalised image and the id under which `git rerere` files it. Pure.

The rules are git's (`Documentation/technical/rerere.txt`, rerere.c, merge-ll.c; unchanged since 2.19): the base of diff3 styles
is left out, the sides stand in byte order, labels are gone, and the id is the digest of the sides of every conflict, each
ended by a NUL. The tests hold them against git, byte for byte. Not here: where images are kept, and what is done with them.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

MARKER_SIZE = 7
"""Characters of a conflict marker unless the attribute `conflict-marker-size` says otherwise (`git help gitattributes`)."""
_DEEPEST = 64  # git recurses as deep as the file goes; no one's resolution does


class Unbalanced(ValueError):
    """Conflict markers that do not nest cleanly; git records nothing for such a file either."""


@dataclass(frozen=True, slots=True)
class NormalisedConflict:
    """All conflicts of one file.

    Attributes:
        id: in hexadecimal, the name of the folder in `rr-cache`.
        image: the file with its conflicts normalised, a `preimage`.
    """

    id: str
    image: bytes


class _Side(Enum):
    ONE = 1
    BASE = 2
    TWO = 3


@dataclass(slots=True)
class _Open:
    """A conflict whose end has not been read yet."""

    side: _Side = _Side.ONE
    one: list[bytes] = field(default_factory=list)
    two: list[bytes] = field(default_factory=list)

    def take(self, text: bytes, *, is_conflict: bool = False) -> None:
        # git keeps a conflict inside a base, on the second side (rerere.c, handle_conflict), though it drops the base's lines.
        if self.side is _Side.ONE:
            self.one.append(text)
        elif self.side is _Side.TWO or is_conflict:
            self.two.append(text)


def normalise(
    content: bytes, *, marker_size: int = MARKER_SIZE, object_format: str = "sha1"
) -> NormalisedConflict | None:
    """The conflicts of a file with markers; None when it has none, or is not text.

    Args:
        content: the file as a merge left it.
        marker_size: characters of a marker.
        object_format: `sha1` or `sha256`: ids are digests of the repository's own kind.

    Raises:
        Unbalanced
    """
    # git cuts lines between conflicts at a NUL (rerere.c, rerere_io_putstr) and would give back a file without their ends.
    if b"<" * marker_size + b" " not in content or b"\0" in content:
        return None
    marks = [sign * marker_size + b"\n" for sign in (b"<", b"=", b">")]
    digest = hashlib.new(object_format)
    written: list[bytes] = []
    waiting: list[_Open] = []
    found = False
    at = 0
    for marker in _markers(marker_size).finditer(content):
        sign = content[marker.start() : marker.start() + 1]
        if not waiting and sign != b"<":
            continue  # a line like any other
        between = content[at : marker.start()]
        at = marker.end()
        if waiting:
            waiting[-1].take(between)
        else:
            written.append(between)
        if sign == b"<":
            if len(waiting) == _DEEPEST:
                raise Unbalanced(f"conflicts nested deeper than {_DEEPEST}")
            waiting.append(_Open())
        elif sign == b"|":
            _expect(waiting[-1], _Side.ONE)
            waiting[-1].side = _Side.BASE
        elif sign == b"=":
            _expect(waiting[-1], _Side.ONE, _Side.BASE)
            waiting[-1].side = _Side.TWO
        else:
            _expect(waiting[-1], _Side.TWO)
            ended = waiting.pop()
            one, two = sorted((b"".join(ended.one), b"".join(ended.two)))
            block = b"".join((marks[0], one, marks[1], two, marks[2]))
            if waiting:
                waiting[-1].take(block, is_conflict=True)
            else:
                written.append(block)
                digest.update(b"%b\0%b\0" % (one, two))
                found = True
    if waiting:
        raise Unbalanced("a conflict has no end")
    written.append(content[at:])
    return NormalisedConflict(digest.hexdigest(), b"".join(written)) if found else None


def _expect(conflict: _Open, *sides: _Side) -> None:
    if conflict.side not in sides:
        raise Unbalanced("conflict markers in an order git does not write")


@lru_cache(maxsize=16)
def _markers(size: int) -> re.Pattern[bytes]:
    """Marker lines with their ends (merge-ll.c, is_conflict_marker_line)."""
    ends = rb"(?:<{%d}|>{%d}) [^\n]*(?:\n|\Z)" % (size, size)
    middles = rb"(?:={%d}|\|{%d})(?:\n|[ \t\v\f\r][^\n]*(?:\n|\Z))" % (size, size)
    return re.compile(rb"^(?:%b|%b)" % (ends, middles), re.MULTILINE)


def holds_conflict(content: bytes, *, marker_size: int = MARKER_SIZE) -> bool:
    """True when a file still has a conflict in it: as a merge leaves one, normalised, or only one end of one."""
    return any(
        line.startswith((b"<" * marker_size, b">" * marker_size))
        and line[marker_size : marker_size + 1] in (b" ", b"\n", b"\r", b"")
        for line in io.BytesIO(content)
        if line[:1] in (b"<", b">")
    )


def is_image_of(image: bytes, conflict_id: str) -> bool:
    """True when a normalised image is what an id was reckoned from; what it is filed under proves nothing.

    The marker's size is not written anywhere: every size that a line of the image could be a marker of is tried.
    """
    kind = "sha1" if len(conflict_id) == 40 else "sha256"
    sizes = {len(line) - 1 for line in io.BytesIO(image) if line.startswith(b"<") and line.lstrip(b"<") == b"\n"}
    return any(_id_of_image(image, size, kind) == conflict_id for size in sorted(sizes)[:_DEEPEST])


def _id_of_image(image: bytes, size: int, object_format: str) -> str | None:
    start, middle, end = (sign * size + b"\n" for sign in (b"<", b"=", b">"))
    digest = hashlib.new(object_format)
    depth = 0
    sides: list[list[bytes]] = []
    for line in io.BytesIO(image):
        if line == start:
            depth += 1
            if depth == 1:
                sides = [[]]
                continue
        elif line == end and depth:
            depth -= 1
            if depth == 0:
                if len(sides) != 2:
                    return None
                for side in sides:
                    digest.update(b"".join(side) + b"\0")
                continue
        elif line == middle and depth == 1:
            sides.append([])
            continue
        if depth:
            sides[-1].append(line)
    return digest.hexdigest() if sides and depth == 0 else None
