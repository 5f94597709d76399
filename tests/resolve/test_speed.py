"""Learning from many merges stays within its bound, and learns what was settled."""

from __future__ import annotations

import time
from pathlib import Path

from gitalign import facade
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import Stream
from tests.runs import request

_MERGES = 1_500 if needs.IS_THOROUGH else 500


def test_25_merges_a_second(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    stream = Stream()
    lines = [b"%d\n" % number for number in range(200)]
    others = {b"d%d/f%d" % (number % 20, number): (b"100644", b"%d\n" % number) for number in range(300)}

    def tree(word: bytes, at: int) -> dict[bytes, tuple[bytes, bytes]]:
        return {**others, b"list": (b"100644", b"".join([*lines[:at], word, *lines[at + 1 :]]))}

    root = stream.commit("refs/heads/main", tree(b"root\n", 3), [], b"root\n")
    for number in range(_MERGES):
        at = 5 + number % 190
        ours = stream.commit("refs/heads/main", tree(b"ours %d\n" % number, at), [root], b"ours\n")
        is_clash = number % 4 == 0
        theirs = stream.commit(
            "refs/heads/side", tree(b"theirs %d\n" % number, at if is_clash else (at + 100) % 200), [root], b"theirs\n"
        )
        root = stream.commit("refs/heads/main", tree(b"both %d\n" % number, at), [ours, theirs], b"merge\n")
    stream.load(work.path)
    started = time.monotonic()
    lessons, recorded = facade.learn_resolutions(request(work.path))
    assert time.monotonic() - started < _MERGES / 25
    assert lessons.merges == _MERGES
    assert len(recorded.added) >= _MERGES // 4
