"""What a run would come to, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswer:
    """What a run comes to, without running.

    Attributes:
        run_id: the run that came to it.
        exit_code: of a run that comes to the same.
        counts: target, verdict, number of branches.
    """

    run_id: str
    exit_code: int
    counts: tuple[tuple[str, str, int], ...]
