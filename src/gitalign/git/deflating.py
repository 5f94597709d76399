"""Short contents as zlib streams, without the quarter of a megabyte that the library takes for each.

`zlib.compress` lays out tables for a window of 32 kB whatever there is to compress. For a commit of 300 bytes that takes ten times
as long as everything else about it.
"""

from __future__ import annotations

import struct
import zlib

_STORED = struct.Struct("<BBBHH")
_LONGEST_STORED = 65_535
_SHORT = 4_096
_WINDOW_BITS, _MEMORY = 12, 5
"""A window as long as what is short, and tables that fit it (`man 3 zlib`, deflateInit2)."""


def deflated(data: bytes, level: int) -> bytes:
    """A zlib stream as git reads it (RFC 1950, 1951).

    Args:
        data: what is in it.
        level: of compression; with 0 the content stands there as it is.
    """
    size = len(data)
    if level == 0 and size <= _LONGEST_STORED:
        # Head of the stream, then one block, the last one, that is stored: its length, and that with all bits turned.
        return _STORED.pack(0x78, 0x01, 1, size, size ^ 0xFFFF) + data + zlib.adler32(data).to_bytes(4, "big")
    if size > _SHORT:
        return zlib.compress(data, level)
    stream = zlib.compressobj(level, zlib.DEFLATED, _WINDOW_BITS, _MEMORY)
    return stream.compress(data) + stream.flush()
