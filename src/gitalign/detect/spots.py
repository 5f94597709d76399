"""Spots: what a scanner sees in one file, before anybody knows who brought it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gitalign.core.findings import Finding, Origin, Severity
from gitalign.git.command import text


@dataclass(frozen=True, slots=True)
class Spot:
    """Something a scanner saw.

    Attributes:
        key: tells it from other spots of the file, whatever its line: the same key on a side means that it was there before.
        when_merged: severity instead, when both sides were looked at and neither has it.
    """

    code: str
    severity: Severity
    message: str
    line: int | None
    key: str
    when_merged: Severity | None = None


class Scanner(Protocol):
    """Looks at the content of one file. The same name and content give the same spots."""

    name: str

    def wants(self, path: bytes) -> bool:
        """True when files of this path are looked at."""

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """All spots, in order of line."""


def is_text(data: bytes) -> bool:
    """As git tells text from binary: no NUL byte near the beginning (xdiff-interface.c, buffer_is_binary)."""
    return b"\0" not in data[:8000]


def distinguished(
    path: bytes,
    detector: str,
    spots: Sequence[Spot],
    *,
    target: Iterable[Spot],
    branch: Iterable[Spot],
    are_sides_known: bool = False,
) -> list[Finding]:
    """Findings of the result, with who brought each: a side that had it already, or else the integration.

    Args:
        path: of the file.
        detector: who saw them.
        spots: in the result.
        target: in the target's version of the file.
        branch: in the branch's version.
        are_sides_known: both versions are there and were looked at.
    """
    in_target, in_branch = {spot.key for spot in target}, {spot.key for spot in branch}
    found: list[Finding] = []
    for spot in spots:
        origin: Origin = "target" if spot.key in in_target else "branch" if spot.key in in_branch else "integration"
        found.append(
            Finding(
                code=spot.code,
                severity=spot.when_merged
                if spot.when_merged is not None and origin == "integration" and are_sides_known
                else spot.severity,
                message=spot.message,
                path=text(path),
                line=spot.line,
                detector=detector,
                introduced_by=origin,
            )
        )
    return found
