"""The fence on a git server that every push of a request has to pass."""

from __future__ import annotations

from gitalign.engine.run.session import Request, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.command import text


def take_fence(request: Request, *, stop: StopSignal | None = None) -> None:
    """Take the request's fence on its remote, so that an earlier holder pushes nothing more. Without a remote, nothing is done.

    Args:
        request: with a fence.
        stop: ends it when it is cancelled.

    Raises:
        RemoteError: the remote cannot be asked, or it can have no fence, which is required.
        GitError, StoreError
    """
    opened = open_for(request, stop)
    if request.fence is None:
        return
    remote = request.remote or opened.config.alignment.remote
    if remote in text(opened.repository.operator.run("remote").stdout).splitlines():
        request.fence.take(opened.repository, remote)
