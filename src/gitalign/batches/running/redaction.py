"""Keeping secrets out of what is written: every form in which one is looked for, and a mask for output that comes in pieces.

Pure.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote_from_bytes

SHORTEST_BYTES = 8
"""Of a secret: anything shorter is found everywhere."""
_SHORTEST_LINE = 32
_A_TOKEN = re.compile(rb"[!-~]+")
MASK = b"***"


def forms_of(value: bytes) -> frozenset[bytes]:
    """Every form in which a secret is looked for.

    As it is, with other line ends, in base64 at each of the three offsets in a longer text, in hexadecimal, as in an address, in JSON
    and in UTF-16; and long lines of one that has several.
    """
    plain = value.strip()
    unix = plain.replace(b"\r\n", b"\n")
    lines = [line.strip() for line in unix.split(b"\n")] if b"\n" in unix else []
    pieces = {plain, unix, *(line for line in lines if _is_telling(line))}
    found = {form for piece in pieces for form in _written(piece)}
    return frozenset(form for form in found if len(form) >= SHORTEST_BYTES)


def _is_telling(line: bytes) -> bool:
    """Whether a line of a longer secret is one by itself, and not a heading (`-----BEGIN …`)."""
    return len(line) >= _SHORTEST_LINE and not line.startswith(b"-----") and _A_TOKEN.fullmatch(line) is not None


def _written(piece: bytes) -> Iterator[bytes]:
    yield piece
    yield piece.hex().encode("ascii")
    yield piece.hex().upper().encode("ascii")
    yield quote_from_bytes(piece, safe="").encode("ascii")
    as_text = piece.decode("utf-8", "surrogateescape")
    yield json.dumps(as_text)[1:-1].encode("ascii")
    yield as_text.encode("utf-16-le", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # Six bits a sign: signs that also hold bits of what stands before or behind are left out.
            first = (offset * 8 + 5) // 6
            last = (offset + len(piece)) * 8 // 6
            yield encode(bytes(offset) + piece)[first:last]


class Mask:
    """Replaces forms of secrets in a stream, also where one is split over two pieces.

    Args:
        forms: what is replaced.
    """

    def __init__(self, forms: Collection[bytes]) -> None:
        self._forms = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None
        self._longest = len(self._forms[0]) if self._forms else 0
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be written now. What may be the beginning of a secret is held back until more comes."""
        if self._pattern is None:
            return chunk
        data = self._held + chunk
        safe = self._safe_length(data)
        written, at = [], 0
        for match in self._pattern.finditer(data):
            if match.start() >= safe:
                break
            written += [data[at : match.start()], MASK]
            at = match.end()
        end = max(at, safe)
        written.append(data[at:end])
        self._held = data[end:]
        return b"".join(written)

    def rest(self) -> bytes:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return self.whole(held)

    def whole(self, data: bytes) -> bytes:
        """Something complete, without the secrets in it."""
        return data if self._pattern is None else self._pattern.sub(MASK, data)

    def words(self, text: str) -> str:
        """A complete text, without the secrets in it."""
        if self._pattern is None:
            return text
        return self.whole(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _safe_length(self, data: bytes) -> int:
        """Where the last part begins that may be the beginning of a secret."""
        start = max(0, len(data) - self._longest + 1)
        safe = len(data)
        for form in self._forms:
            at = data.find(form[:1], max(start, len(data) - len(form) + 1))
            while 0 <= at < safe:
                if form[:16].startswith(data[at : at + 16]) and form.startswith(data[at:]):
                    safe = at
                    break
                at = data.find(form[:1], at + 1)
        return safe


def names_in(data: bytes, forms: Mapping[str, Collection[bytes]]) -> tuple[str, ...]:
    """Names of the secrets of which some form is in the data."""
    return tuple(name for name, known in forms.items() if any(form in data for form in known))
