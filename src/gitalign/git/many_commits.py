"""Thousands of raw commits read by one process, without a wait for each."""

from __future__ import annotations

import time
from collections.abc import Iterable

from gitalign.child import ChildEnded, ChildTimedOut
from gitalign.core.names import Oid
from gitalign.errors import GitDied
from gitalign.git.objects import Answering

_AT_ONCE = 500
_LONGEST_BYTES = 1_000_000


class ManyCommits(Answering):
    """Commits as bytes by id. Not thread-safe."""

    words = ("cat-file", "--batch-command", "--buffer")

    def read(self, oids: Iterable[Oid]) -> dict[Oid, bytes]:
        """Those of the commits that are there and not of unusual length; the others are left to who asks for them one by one.

        Raises:
            GitTimedOut, GitDied, GitError

        Source: `git help cat-file` (--batch-command, --buffer, flush; since 2.36).
        """
        wanted = list(dict.fromkeys(oids))
        read: dict[Oid, bytes] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            self._read(wanted[start : start + _AT_ONCE], read)
        return read

    def _read(self, oids: list[Oid], read: dict[Oid, bytes]) -> None:
        deadline = time.monotonic() + self._timeout_s
        try:
            talk = self._talk()
            asked = "".join(f"contents {oid}\n" for oid in oids)
            talk.send(f"{asked}flush\n".encode("ascii"), deadline=deadline)
            for oid in oids:
                head = talk.read_until(b"\n", deadline=deadline).split(b" ")
                if head[0] != oid.encode("ascii"):
                    self.close()
                    raise GitDied(f"git cat-file answered {head[0][:80]!r} when asked for {oid}", hint="run again")
                if len(head) != 3:
                    continue
                data = talk.read(int(head[2]) + 1, deadline=deadline)[:-1]
                if head[1] == b"commit" and len(data) <= _LONGEST_BYTES:
                    read[oid] = data
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error
