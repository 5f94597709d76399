"""Which lines of a file are new, seen from an earlier version of it."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher

_MOST_COMPARISONS = 4_000_000


def lines_of(data: bytes) -> list[bytes]:
    """Lines without their ends: LF, CR LF or CR alone, as parsers of Python count them."""
    return data.splitlines()


def added_lines(before: bytes | None, after: bytes) -> frozenset[int]:
    """Numbers, from 1, of the lines that were added or changed; line ends alone are no change.

    Where two versions differ too much to be compared in reasonable time, every line counts whose content occurs more often
    than before.
    """
    new = lines_of(after)
    if before is None:
        return frozenset(range(1, len(new) + 1))
    old = lines_of(before)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old, middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(old) * len(middle) > _MOST_COMPARISONS:
        had, has = Counter(old), Counter(middle)
        return frozenset(head + number for number, line in enumerate(middle, 1) if has[line] > had[line])
    blocks = SequenceMatcher(None, old, middle, autojunk=False).get_matching_blocks()
    kept = {block.b + offset for block in blocks for offset in range(block.size)}
    return frozenset(head + number + 1 for number in range(len(middle)) if number not in kept)


def share_kept(before: bytes, after: bytes) -> float:
    """How much two files have in common: lines of both, as a share of the longer one."""
    old, new = Counter(lines_of(before)), Counter(lines_of(after))
    return (old & new).total() / max(old.total(), new.total(), 1)
