"""What detectors find in any result."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.findings import Finding
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import (
    configured_plugins,
    open_for,
)


def detect(
    request: Request, *, onto: str, branch: str, after: str, paths: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """What the configured detectors find in a result someone made of a branch and a target. Changes nothing.

    Args:
        request: which repository.
        onto: the target: any name git knows a commit by.
        branch: the branch as it was.
        after: the result.
        paths: only findings at these paths, and those without one; None for all.

    Raises:
        UserError: a name is none of a commit.
        GitError, PluginError
    """
    from gitalign.engine.gates.detection import Detection, Looked, outside_a_run
    from gitalign.git.refs import commit_of

    opened = open_for(request)
    limits = opened.config.limits()
    tips = [commit_of(opened.repository, name) for name in (onto, branch, after)]
    looked = Looked(branch=branch, target=onto, onto=tips[0], before=tips[1], after=tips[2])
    detection = Detection.of(configured_plugins(opened.config), timeout_s=limits.detection_timeout_s)
    with outside_a_run(opened.repository, looked, timeout_s=limits.integration_timeout_s) as asked:
        found = detection.findings(asked)
    wanted = None if paths is None else set(paths)
    return tuple(one for one in found if wanted is None or one.path is None or one.path in wanted)
