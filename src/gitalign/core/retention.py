"""What is removed of old runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What was removed, or would be.

    Attributes:
        runs: ids whose pins are gone; they cannot be undone any more.
        anchors: refs deleted.
        backups: backup branches deleted.
        kept_backups: backup branches that stay, with the reason.
        dry_run: nothing was changed.
    """

    runs: tuple[str, ...]
    anchors: tuple[str, ...]
    backups: tuple[str, ...]
    kept_backups: tuple[tuple[str, str], ...]
    dry_run: bool
