"""The memory as a file to hand on: an archive of an rr-cache, which can be unpacked into `.git/rr-cache` without this program."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.documents import resolution_origins
from gitalign.documents.formats import parsed
from gitalign.errors import UserError
from gitalign.input_file import Unreadable, open_bounded
from gitalign.resolve.entries import LARGEST_BYTES, MOST_ENTRIES, MOST_VARIANTS, Resolution, entry_name, parse_name

_LARGEST_ARCHIVE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive holds."""

    resolutions: tuple[Resolution, ...]
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Parts:
    files: dict[str, bytes] = field(default_factory=dict)


def pack(resolutions: Iterable[Resolution]) -> bytes:
    """An archive of resolutions; equal ones give equal bytes."""
    variants: dict[str, int] = {}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for one in resolutions:
            variant = variants[one.conflict] = variants.get(one.conflict, -1) + 1
            origin = resolution_origins.content_of(one.origin)
            for what, content in (("preimage", one.preimage), ("postimage", one.postimage), ("origin", origin)):
                member = tarfile.TarInfo(entry_name(one.conflict, what, variant))
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def unpack(place: Path) -> Unpacked:
    """What is in an archive, read without writing a file; what is no part of a resolution is named and left out.

    Raises:
        UserError: the file cannot be read, or is no archive.
    """
    faults: list[str] = []
    found: dict[tuple[str, int], _Parts] = {}
    room = _LARGEST_ARCHIVE_BYTES
    try:
        with (
            open_bounded(place, most_bytes=_LARGEST_ARCHIVE_BYTES) as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            for member in archive:
                parsed = parse_name(member.name.removeprefix("./"))
                if member.isdir():
                    continue
                if parsed is None or not member.isreg() or parsed.variant >= MOST_VARIANTS:
                    faults.append(f"{member.name[:200]}: no part of a resolution")
                    continue
                room -= member.size
                if member.size > LARGEST_BYTES or room < 0 or len(found) > MOST_ENTRIES:
                    faults.append(f"{member.name}: too long, or too many")
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    parts = found.setdefault((parsed.conflict, parsed.variant), _Parts())
                    parts.files[parsed.what] = content.read()
    except (OSError, Unreadable, tarfile.TarError, EOFError) as error:
        raise UserError(
            f"{place} is no archive of resolutions: {error}", hint="make one: git align resolutions export FILE"
        ) from error
    made: list[Resolution] = []
    for (conflict, _), parts in sorted(found.items(), key=lambda item: item[0]):
        if "preimage" in parts.files and "postimage" in parts.files:
            made.append(
                Resolution(
                    conflict=conflict,
                    preimage=parts.files["preimage"],
                    postimage=parts.files["postimage"],
                    origin=_origin(parts.files.get("origin")),
                )
            )
        elif "postimage" in parts.files or "origin" in parts.files:
            faults.append(f"{conflict}: one of its two images is missing")
    return Unpacked(tuple(made), tuple(faults))


def _origin(content: bytes | None) -> Origin:
    try:
        return resolution_origins.load(parsed((content or b"").decode("ascii")))
    except ValueError:
        return Origin(kind=OriginKind.UNKNOWN)
