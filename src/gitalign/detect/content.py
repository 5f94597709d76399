"""Left-over conflict markers and broken encodings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gitalign.core.findings import Severity
from gitalign.detect.spots import Spot, is_text

# Exactly seven at the start of a line (`git help merge`, HOW CONFLICTS ARE PRESENTED). `=======` alone is a heading.
_MARKER = re.compile(rb"^(<{7}|\|{7}|>{7})(?: (.*?))?\r?$", re.MULTILINE)
# What git and its front ends write behind a marker: one word, an id with a subject, or a known phrase. Prose is none of them.
_LABEL = re.compile(rb"\S+|(parent of )?[0-9a-f]{7,64}\b.*|Updated upstream|Stashed changes")
_MIDDLE = re.compile(rb"^={7}\r?$", re.MULTILINE)
_REPLACEMENT = "\ufffd"
_TOLD = 80


class MarkerScanner:
    """`conflict_marker`: what git writes where it could not merge."""

    name = "markers"

    def wants(self, path: bytes) -> bool:
        """Every file."""
        return True

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """Marker lines. A bare `>>>>>>>` or `|||||||` underlines headings, so it counts only together with the others."""
        if (b"<<<<<<<" not in data and b">>>>>>>" not in data) or not is_text(data):
            return ()
        found = list(_MARKER.finditer(data))
        kinds = {match[1][:1] for match in found}
        is_whole = {b"<", b">"} <= kinds and _MIDDLE.search(data) is not None
        return [
            Spot(
                code="conflict_marker",
                severity=Severity.CRITICAL,
                message=f"conflict marker {match[0].decode('utf-8', 'replace')[:_TOLD].strip()!r}",
                line=data.count(b"\n", 0, match.start()) + 1,
                key=f"marker {match[0].strip()!r}",
            )
            for match in found
            if (is_whole or match[2])
            and (not match[2] or _LABEL.fullmatch(match[2]) or (is_whole and not _is_prose(match[2])))
        ]


def _is_prose(label: bytes) -> bool:
    return b">>>>>>>" in label or b"<<<<<<<" in label


class EncodingScanner:
    """`encoding_invalid_utf8` and `encoding_replacement_chars`: text that was read in the wrong encoding once."""

    name = "encoding"

    def wants(self, path: bytes) -> bool:
        """Every file."""
        return True

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """One spot for each line that holds such a byte or character."""
        if data.isascii() or not is_text(data):
            return ()
        try:
            plain = data.decode("utf-8")
        except UnicodeDecodeError:
            return _invalid(data)
        if _REPLACEMENT not in plain:
            return ()
        return [
            Spot(
                code="encoding_replacement_chars",
                severity=Severity.WARNING,
                message="replacement characters: what stood here was lost when it was read in the wrong encoding",
                line=number,
                key=f"replaced {line.strip()}",
            )
            for number, line in enumerate(plain.split("\n"), 1)
            if _REPLACEMENT in line
        ]


def _invalid(data: bytes) -> list[Spot]:
    found: list[Spot] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            found.append(
                Spot(
                    code="encoding_invalid_utf8",
                    severity=Severity.WARNING,
                    message=f"byte 0x{line[error.start]:02x} is not UTF-8",
                    line=number,
                    key=f"bytes {line.strip()!r}",
                )
            )
    return found
