"""What the screen tells while conflicts are looked for: the last word of the event stream. No terminal here."""

from __future__ import annotations

from gitalign.core.events import Event, EventKind


class Following:
    """Follows the event stream from another thread; the drawing thread looks at it when there is time.

    Attributes:
        words: what is being done.
        done, total: how much of it; `total` is None while it is not known.
    """

    def __init__(self) -> None:
        self.words = "reading history"
        self.done = 0
        self.total: int | None = None

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if event.kind is EventKind.STEP_FINISHED:
            self._count("trying branches", event)
        elif event.kind is EventKind.FURTHEST_FOUND:
            self._count("looking how far conflicting branches align", event)
        elif event.kind in (EventKind.INTEGRATION_FINISHED, EventKind.FURTHEST_FINISHED):
            self.words, self.done, self.total = "comparing conflicts", 0, None

    def _count(self, words: str, event: Event) -> None:
        self.done, self.total = int(event.data["done"]), int(event.data["of"])
        self.words = f"{words}: {self.done} of {self.total}"
