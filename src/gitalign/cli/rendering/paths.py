"""Who changes and who claims paths, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli.rendering.tables import safe
from gitalign.core.names import display

if TYPE_CHECKING:
    from gitalign.core.path_claim import PathClaim
    from gitalign.engine.analysis.touching import Touch

_MOST_PATHS = 5


def show_touches(out: Console, found: Sequence[Touch], *, everything: bool) -> None:
    """Branches with the paths they change."""
    for one in found:
        shown = one.paths if everything else one.paths[:_MOST_PATHS]
        more = f" and {len(one.paths) - len(shown)} more" if len(shown) < len(one.paths) else ""
        out.print(safe(f"{display(one.branch)} (onto {display(one.target)}): {', '.join(map(display, shown))}{more}"))
        if one.missing:
            out.print(safe(f"  {one.missing} of its commits cannot be read here"))
    if not found:
        out.print("No branch changes these paths.")


def show_claims(out: Console, claims: Iterable[PathClaim]) -> None:
    """Claims, one in a line."""
    for one in claims:
        note = f": {one.note}" if one.note else ""
        until = one.until.astimezone().strftime("%Y-%m-%d %H:%M")
        words = f"{one.id}  {one.holder} claims {', '.join(one.patterns)} until {until}{note}"
        out.print(safe(display(words)))
