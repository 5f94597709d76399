"""What is known of the service's database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What looking at the database came to.

    Attributes:
        place: the database in messages; never a secret.
        revision: of its tables; None where there are none.
        newest: the revision that this release needs.
        rows: how many each table holds, as far as they were counted.
        faults: what is wrong; empty when all is well.
        file: that was written or read.
    """

    place: str
    revision: str | None
    newest: str
    rows: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    file: str | None = None
