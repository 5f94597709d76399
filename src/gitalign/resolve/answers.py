"""Answers of programs by content: asked once in a run, however often the same conflict comes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

from gitalign.ports import ConflictedFile, Proposal, UnresolvedFile

Answer = Proposal | UnresolvedFile


class Answers:
    """One answer for each content. Thread-safe: who asks second waits for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Future[Answer]] = {}

    def of(self, key: str, ask: Callable[[], Answer]) -> Answer:
        """The answer under a key, made by `ask` when no one has asked before."""
        with self._lock:
            known = self._known.get(key)
            mine: Future[Answer] | None = None
            if known is None:
                mine = known = self._known[key] = Future()
        if mine is not None:
            try:
                mine.set_result(ask())
            except BaseException as error:
                mine.set_exception(error)
                raise
        return known.result()


def content_key(file: ConflictedFile) -> str:
    """Key of a conflict: path, sides and what git left of them."""
    digest = hashlib.sha256(file.path.encode("utf-8", "surrogateescape") + b"\0%d" % file.marker_size)
    sides = (file.sides.base, file.sides.ours, file.sides.theirs) if file.sides is not None else ()
    for one in (*sides, file.marked):
        digest.update(hashlib.sha256(one).digest())
    return digest.hexdigest()
