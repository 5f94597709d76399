"""What a recorded resolution is, and what is believed of one that comes from elsewhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gitalign.core.names import Oid
from gitalign.core.resolution_origin import Origin
from gitalign.resolve.rerere import holds_conflict, is_image_of

LARGEST_BYTES = 4 * 1024 * 1024
"""Of one image."""
MOST_ENTRIES = 20_000
MOST_VARIANTS = 16
"""Of one conflict: the same lines in surroundings so different that one resolution does not fit the other."""
_NAME = re.compile(
    r"(?P<id>[0-9a-f]{40}|[0-9a-f]{64})/"
    r"(?:(?P<image>preimage|postimage)(?:\.(?P<variant>[1-9][0-9]?))?|origin(?:\.(?P<told>[1-9][0-9]?))?\.json)"
)


class Images(NamedTuple):
    """A conflict and how it was settled, by id of content: what makes two resolutions the same one."""

    conflict: str
    preimage: Oid
    postimage: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A resolution with its contents.

    Attributes:
        conflict: id as git names it.
        preimage: the file with its conflicts, normalised.
        postimage: the file as it was settled.
    """

    conflict: str
    preimage: bytes
    postimage: bytes
    origin: Origin


class EntryName(NamedTuple):
    """What the name of a file in an rr-cache says."""

    conflict: str
    what: str
    variant: int


def parse_name(name: str) -> EntryName | None:
    """`<id>/preimage.2` and the like taken apart; None for any other name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return EntryName(found["id"], found["image"] or "origin", int(found["variant"] or found["told"] or 0))


def entry_name(conflict: str, what: str, variant: int) -> str:
    """The name of a file in an rr-cache, as git writes it (rerere.c, rerere_path)."""
    end = f".{variant}" if variant else ""
    return f"{conflict}/origin{end}.json" if what == "origin" else f"{conflict}/{what}{end}"


def fault_of(one: Resolution, *, object_format: str) -> str | None:
    """Why a resolution is not to be used; None when nothing speaks against it."""
    if len(one.conflict) != (40 if object_format == "sha1" else 64):
        return f"its id is not one of {object_format}"
    if max(len(one.preimage), len(one.postimage)) > LARGEST_BYTES:
        return f"an image is longer than {LARGEST_BYTES} bytes"
    if b"\0" in one.preimage or b"\0" in one.postimage:
        return "it is binary"
    if not is_image_of(one.preimage, one.conflict):
        return "its preimage is that of another conflict"
    if unresolved(one):
        return "it still has conflict markers"
    return None


def unresolved(one: Resolution) -> bool:
    """True when a conflict of the preimage is left in the postimage."""
    return any(holds_conflict(one.postimage, marker_size=size) for size in marker_sizes(one.preimage))


def marker_sizes(image: bytes) -> set[int]:
    """Lengths of what may be markers in a normalised image."""
    return {len(line) for line in image.split(b"\n") if line.startswith(b"<") and not line.strip(b"<")}


def disagreements(entries: Mapping[str, Iterable[Images]]) -> dict[str, tuple[Images, ...]]:
    """Conflicts that were settled in different ways from the very same file: conflict -> those resolutions."""
    found: dict[str, tuple[Images, ...]] = {}
    for conflict, known in entries.items():
        by_preimage: dict[Oid, dict[Oid, Images]] = {}
        for one in known:
            by_preimage.setdefault(one.preimage, {}).setdefault(one.postimage, one)
        several = [one for same in by_preimage.values() if len(same) > 1 for one in same.values()]
        if several:
            found[conflict] = tuple(several)
    return found
