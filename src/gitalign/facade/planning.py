"""What a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.plan import Plan
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import open_for

if TYPE_CHECKING:
    from gitalign.engine.runtime.signals import StopSignal


def plan(request: Request, *, whatever_is_checked_out: bool = False, stop: StopSignal | None = None) -> Plan:
    """What a run would do, branch by branch, and why. Changes nothing (with `fetch`, remote-tracking refs only).

    Args:
        request: what is asked.
        whatever_is_checked_out: take in branches that could not be moved now because a work tree holds them, as `conflicts` does.
        stop: ends it when it is cancelled.

    Raises:
        UserError: bad configuration, branch list or targets.
        GitError, RemoteError, StoreError
    """
    return make_plan(open_for(request, stop), request, whatever_is_checked_out=whatever_is_checked_out)
