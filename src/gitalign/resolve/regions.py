"""A conflicted file taken apart: what git merged, and the stretches it could not, each with its three sides. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

Lines = tuple[bytes, ...]
"""Lines with their ends."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch that both sides changed differently.

    Attributes:
        before: the line above it, which git merged; empty at the beginning of the file.
    """

    ours: Lines
    base: Lines
    theirs: Lines
    before: bytes = b""


def lines_of(content: bytes) -> Lines:
    """Lines as git has them: ended by a line feed and by nothing else."""
    return tuple(io.BytesIO(content))


def end_of(line: bytes) -> bytes:
    """What ends a line: CR LF or LF; a CR alone is a character like any other."""
    return next((end for end in (b"\r\n", b"\n") if line.endswith(end)), b"")


class NotMarked(ValueError):
    """The text is not a file with conflicts in diff3 style, as it was said to be."""


def regions(marked: bytes, *, labels: tuple[bytes, bytes, bytes], marker_size: int = 7) -> tuple[Lines | Region, ...]:
    """Merged stretches and regions, in order.

    Args:
        marked: in diff3 style (`git help merge-file`, --diff3).
        labels: of ours, base and theirs. No one's file holds them: they must be made for this one merge, so that a line of a
            file that looks like a marker is distinguished from a marker.
        marker_size: characters of a marker.

    Raises:
        NotMarked: markers do not follow one another as they should.
    """
    marks = (
        b"<" * marker_size + b" " + labels[0],
        b"|" * marker_size + b" " + labels[1],
        b"=" * marker_size,
        b">" * marker_size + b" " + labels[2],
    )
    found: list[Lines | Region] = []
    text: list[bytes] = []
    sides: list[list[bytes]] = []
    before = b""
    for line in lines_of(marked):
        bare = line.rstrip(b"\r\n")
        if not sides:
            if bare == marks[0]:
                found.append(tuple(text))
                before, text, sides = text[-1] if text else b"", [], [[]]
            else:
                text.append(line)
        elif len(sides) < 3 and bare == marks[len(sides)]:
            sides.append([])
        elif len(sides) == 3 and bare == marks[3]:
            found.append(Region(tuple(sides[0]), tuple(sides[1]), tuple(sides[2]), before))
            sides = []
        elif bare in (marks[0], marks[1], marks[3]):
            raise NotMarked("conflict markers out of order")
        else:
            sides[-1].append(line)
    if sides:
        raise NotMarked("a conflict without an end")
    found.append(tuple(text))
    return tuple(one for one in found if one)


def joined(parts: Sequence[Lines]) -> bytes:
    """Lines put together again."""
    return b"".join(b"".join(part) for part in parts)
