"""Where the screen takes its conflicts from, and what it hands back. No terminal here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.engine.runtime.signals import StopSignal
from gitalign.ports import Listener


class Source(Protocol):
    """Finds conflicts; called from threads of the screen's own."""

    def load(self, listeners: Sequence[Listener], stop: StopSignal) -> Conflicts:
        """Every conflict; may take a minute.

        Raises:
            GitAlignError
        """
        ...

    def detail(self, conflict: BranchConflict, stop: StopSignal) -> ConflictDetail:
        """All about one of them; may take a second.

        Raises:
            GitAlignError
        """
        ...

    def command(self, branch: str) -> str:
        """The command line that resolves a branch, fit to be typed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """How the screen was left.

    Attributes:
        found: what was shown; None when it was left before that.
        resolve: the branch that is to be resolved now.
        stopped: someone asked to stop before everything was found out, or a signal did.
        error: what went wrong while conflicts were looked for.
    """

    found: Conflicts | None = None
    resolve: str | None = None
    stopped: bool = False
    error: BaseException | None = None
