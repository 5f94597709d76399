"""Who changes which paths, and who claims them for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pathspec

from gitalign.core.path_claim import PathClaim, claim_fault
from gitalign.core.path_overlap import pattern_fault
from gitalign.engine.analysis.touching import Touch
from gitalign.engine.analysis.touching import touching as touched
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request, has_state, journal_of, open_for
from gitalign.errors import UserError

_HINT = "patterns are those of a .gitignore: src/api/, *.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAnswer:
    """What became of a claim.

    Attributes:
        claim: as it was asked for.
        held: claims of others on some of these paths; with any, nothing was claimed.
    """

    claim: PathClaim
    held: tuple[PathClaim, ...]


def touching(request: Request, patterns: Sequence[str]) -> tuple[Touch, ...]:
    """Branches that change paths which match a pattern. Changes nothing.

    Raises:
        UserError: not a pattern.
        GitError
    """
    for pattern in patterns:
        if fault := pattern_fault(pattern):
            raise UserError(f"the pattern {pattern!r} {fault}", hint=_HINT)
    if not patterns:
        raise UserError("no pattern of paths is given", hint=_HINT)
    spec = pathspec.GitIgnoreSpec.from_lines(patterns)
    opened = open_for(request)
    plan = make_plan(opened, request)
    graph = graph_of(opened.repository, plan, opened.history)
    return touched(opened.repository, plan, graph, spec.match_file)


def claim_paths(
    request: Request, *, holder: str, patterns: Sequence[str], minutes: int = 120, note: str = ""
) -> ClaimAnswer:
    """Claim paths for a while, so that others start somewhere else. It forbids nothing.

    Args:
        request: which repository.
        holder: who claims; claims of one holder may overlap.
        patterns: of paths.
        minutes: until the claim ends by itself.
        note: what for, at most 500 characters.

    Raises:
        UserError: not a claim.
        GitError, StoreError
    """
    if fault := claim_fault(holder, patterns, minutes):
        raise UserError(fault, hint=_HINT, code="bad_claim")
    opened = open_for(request)
    now = opened.now()
    claim = PathClaim(
        id=opened.surroundings.token(6),
        holder=holder,
        patterns=tuple(patterns),
        note=note[:500],
        made_at=now,
        until=now + timedelta(minutes=minutes),
    )
    with journal_of(opened) as journal:
        return ClaimAnswer(claim=claim, held=journal.claim_paths(claim))


def path_claims(request: Request) -> tuple[PathClaim, ...]:
    """Claims that hold now, oldest first.

    Raises:
        GitError, StoreError
    """
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return journal.path_claims(opened.now())


def release_paths(request: Request, *, holder: str, claim_id: str | None = None) -> int:
    """Give a claim back, or all of a holder; how many there were.

    Raises:
        GitError, StoreError
    """
    opened = open_for(request)
    if not has_state(opened):
        return 0
    with journal_of(opened) as journal:
        return journal.release_paths(holder, claim_id)


def touches_content(patterns: Sequence[str], found: Iterable[Touch]) -> dict[str, Any]:
    """The members of the document `path-touches`."""
    return {
        "patterns": list(patterns),
        "branches": [
            {
                "branch": one.branch,
                "target": one.target,
                "paths": list(one.paths),
                "commits": list(one.commits),
                "missing": one.missing,
            }
            for one in found
        ],
    }
