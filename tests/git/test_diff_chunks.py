"""How many commits are read together where the text of their diffs is held."""

from __future__ import annotations

from gitalign.core.names import Oid
from gitalign.git.diff_chunks import DiffChunks

COMMITS = [Oid(f"{number:040x}") for number in range(2_000)]


def _sizes(chunks: DiffChunks, bytes_each: int) -> list[int]:
    sizes: list[int] = []
    for chunk in chunks:
        sizes.append(len(chunk))
        chunks.measured(len(chunk), bytes_each * len(chunk))
    return sizes


def test_short_diffs_are_read_in_few_chunks_and_each_commit_once() -> None:
    chunks = DiffChunks(COMMITS, {})
    taken: list[Oid] = []
    for chunk in chunks:
        taken += chunk
        chunks.measured(len(chunk), 500 * len(chunk))
    assert taken == COMMITS
    assert _sizes(DiffChunks(COMMITS, {}), 500) == [25, 50, 100, 200, 250, 250, 250, 250, 250, 250, 125]


def test_long_diffs_are_read_few_at_a_time() -> None:
    sizes = _sizes(DiffChunks(COMMITS[:60], {}), 300_000)
    assert sizes[0] == 25
    assert max(sizes[1:]) <= 512 * 1024 // 300_000


def test_a_chunk_changes_a_thousand_paths_or_is_one_commit() -> None:
    assert _sizes(DiffChunks(COMMITS[:5], dict.fromkeys(COMMITS, 400)), 1) == [2, 2, 1]
    assert _sizes(DiffChunks(COMMITS[:2], dict.fromkeys(COMMITS, 5_000)), 1) == [1, 1]


def test_nothing_is_handed_out_after_it_was_stopped() -> None:
    chunks = DiffChunks(COMMITS, {})
    next(chunks)
    chunks.stop()
    assert list(chunks) == []
