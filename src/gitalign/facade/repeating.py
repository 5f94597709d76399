"""What a run would come to where nothing changed since the last one."""

from __future__ import annotations

from gitalign.core.known_answer import KnownAnswer
from gitalign.engine.run import known_answer as known
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import look_for


def known_answer(request: Request) -> KnownAnswer | None:
    """What `run` would come to, from the refs alone; None when that is not known, which says nothing. Changes nothing.

    Raises:
        NotARepository, GitError
    """
    return known.known_answer(look_for(request), request)
