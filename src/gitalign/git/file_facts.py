"""Facts about contents by blob id: kept for a run, and, where they are dear, from run to run."""

from __future__ import annotations

import hashlib
import platform
import threading
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from cachetools import LRUCache

from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed, as_text, field
from gitalign.ports import FactKind, VerdictCache

V = TypeVar("V")

_IN_MEMORY = 10_000
_MOST_KEPT = 5_000
"""Facts that one run keeps for later ones. They are forgotten with everything else that is cached, by age."""
_DOCUMENT = "file-fact"


class KeptFacts:
    """Implements `ports.FileFacts`.

    Nothing is believed that was not found out by this very version of rules and interpreter: both are part of the key. What
    cannot be read is found out again. Two runs at once write the same facts, or different ones.

    Args:
        cache: where dear facts are kept from run to run; None for nowhere.
        at: now, for the cache.
    """

    def __init__(self, cache: VerdictCache | None = None, *, at: datetime | None = None) -> None:
        self._cache = cache
        self._at = at
        self._known: LRUCache[tuple[str, bytes], tuple[Any]] = LRUCache(_IN_MEMORY)
        self._fresh: dict[str, str] = {}
        self._lock = threading.Lock()

    def recall(self, kind: FactKind[V], blob: bytes) -> tuple[V] | None:
        """See `ports.FileFacts.recall`."""
        with self._lock:
            return self._known.get((kind.name, blob))

    def keep(self, kind: FactKind[V], blob: bytes, value: V) -> None:
        """See `ports.FileFacts.keep`."""
        fact = kind.dump(value) if self._cache is not None else None
        with self._lock:
            self._known[kind.name, blob] = (value,)
            if fact is not None and len(self._fresh) < _MOST_KEPT:
                self._fresh[_key(kind, blob)] = json_text(stamped(_DOCUMENT, {"blob": blob.hex(), "fact": fact}))

    def look_up(self, kind: FactKind[V], blobs: Iterable[bytes]) -> None:
        """See `ports.FileFacts.look_up`."""
        if self._cache is None or kind.load is None:
            return
        with self._lock:
            keys = {_key(kind, blob): blob for blob in blobs if (kind.name, blob) not in self._known}
        if not keys:
            return
        for key, body in self._cache.look_up(keys).items():
            try:
                document = opened(parsed(body), _DOCUMENT)
                if field(document, "blob", as_text) != keys[key].hex():
                    continue
                value = kind.load(document.get("fact"))
            except (Malformed, KeyError, TypeError, ValueError):
                continue
            with self._lock:
                self._known[kind.name, keys[key]] = (value,)

    def flush(self) -> None:
        """Write what was found out for later runs.

        Raises:
            StoreError
        """
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        if fresh and self._cache is not None and self._at is not None:
            self._cache.keep(fresh, at=self._at)


def _key(kind: FactKind[V], blob: bytes) -> str:
    made_by = f"{platform.python_implementation()} {platform.python_version()}"
    return hashlib.sha256(f"fact {kind.name} {made_by} {blob.hex()}".encode()).hexdigest()
