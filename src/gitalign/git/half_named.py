"""Packs that a process named and gave no index, because it died. They count for nothing, and `git gc` may leave them for ever."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_OURS = "git-align"


def is_half_named(keep: Path) -> bool:
    """Whether the pack of a mark has no index: a process is naming its files at this moment, or died while it did."""
    return keep.with_suffix(".pack").exists() and not keep.with_suffix(".idx").exists()


def remove_half_named(packs: Path, *, needed: Collection[str], before: float) -> int:
    """Remove packs that a process of ours named and gave no index, because it died; how many there were.

    Any other pack that lost its index is left alone: it may hold the only copy of commits, and git can index it again.

    Args:
        packs: the folder of packs.
        needed: ids of runs whose packs stay.
        before: seconds since 1970; what was made later may get its index at any moment.
    """
    removed = 0
    for keep in packs.glob("pack-*.keep"):
        with suppress(OSError):
            pack = keep.with_suffix(".pack")
            words = keep.read_text("utf-8", "replace").split()
            if words[:1] != [_OURS] or not is_half_named(keep) or not set(words).isdisjoint(needed):
                continue
            if pack.stat().st_mtime >= before:
                continue
            keep.with_suffix(".rev").unlink(missing_ok=True)
            pack.unlink()
            keep.unlink()
            removed += 1
    for reverse in packs.glob("pack-*.rev"):
        with suppress(OSError):
            if not reverse.with_suffix(".pack").exists() and reverse.stat().st_mtime < before:
                reverse.unlink()
    return removed
