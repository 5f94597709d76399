"""What the doctor saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing looked at.

    Attributes:
        ok: True, False, or None when it could not be determined.
    """

    check: str
    ok: bool | None
    detail: str
    hint: str = ""
