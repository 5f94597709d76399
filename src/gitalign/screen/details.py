"""Looking at both sides of a chosen conflict, in a thread of its own, while the screen goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cachetools import LRUCache
from textual import work
from textual.app import App
from textual.timer import Timer

from gitalign.core.conflict_groups import BranchConflict, ConflictDetail
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError
from gitalign.screen.source import Leaving, Source

_KEPT_DETAILS = 64
_LOOK_AFTER_S = 0.15
"""How long a choice must stand before both sides are looked at: passing by costs nothing."""


class DetailsApp(App[Leaving]):
    """An application that looks at one conflict at a time.

    Args:
        source: where conflicts come from.

    Attributes:
        details: of the last conflicts that were looked at, by branch; in words where they could not be.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.details: LRUCache[str, ConflictDetail | str] = LRUCache(_KEPT_DETAILS)
        self._looking: StopSignal | None = None
        self._waiting: Timer | None = None

    def detail_found(self, one: BranchConflict) -> None:
        """Called by the screen's own thread when a conflict was looked at."""

    def look_soon(self, one: BranchConflict) -> None:
        """Look at a conflict, unless it is known or another one is chosen first."""
        if one.branch not in self.details:
            self._waiting = self.set_timer(_LOOK_AFTER_S, partial(self._look, one))

    def stop_looking(self) -> None:
        """The choice has changed."""
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        if self._looking is not None:
            self._looking.request_stop()
            self._looking = None

    def soon(self, call: Callable[..., object], *values: object) -> None:
        """Have something done by the screen's own thread, without waiting for it: the screen may be gone."""
        try:
            self.call_later(call, *values)
        except RuntimeError:  # its loop is closed
            pass

    def _look(self, one: BranchConflict) -> None:
        self._looking = StopSignal()
        self._look_at(one, self._looking)

    @work(thread=True, exit_on_error=False, group="look")
    def _look_at(self, one: BranchConflict, stop: StopSignal) -> None:
        try:
            found: ConflictDetail | str = self.source.detail(one, stop)
        except GitAlignError as error:
            found = error.message
        except Exception as error:  # the list is still good
            found = f"a bug of git-align: {type(error).__name__}: {error}"
        if not stop.stop_requested:
            self.soon(self._looked_at, one, found)

    def _looked_at(self, one: BranchConflict, found: ConflictDetail | str) -> None:
        self.details[one.branch] = found
        self.detail_found(one)
