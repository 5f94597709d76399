"""Detection by itself: what is wrong with a result that somebody made, outside of any run."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.findings import Finding
from gitalign.engine.alignment.source import RepositorySource
from gitalign.git.command import text
from gitalign.git.history import load_graph
from gitalign.git.refs import commit_of
from gitalign.git.repository import Repository
from gitalign.ports import DetectionRequest, Detector


def detect_between(
    repository: Repository, detectors: Sequence[Detector], *, onto: str, branch: str, after: str, timeout_s: float
) -> list[Finding]:
    """What detectors find in a result.

    Args:
        repository: the repository.
        detectors: all of them are asked.
        onto, branch, after: target, branch as it was, and result, by any name git knows a commit by.
        timeout_s: deadline of one question to git in seconds.

    Raises:
        UserError: a name is none of a commit.
        GitError
    """
    target, tip, result = (commit_of(repository, name) for name in (onto, branch, after))
    graph = load_graph(repository, [target, tip])
    own = graph.own(tip, target)
    source = RepositorySource(repository.git, timeout_s=timeout_s)
    try:
        asked = DetectionRequest(
            repository=repository.git.git_dir,
            branch=branch,
            target=onto,
            base=own.bases[0] if own.bases else None,
            own=tuple((parent, oid) for oid in (*own.picks, *own.merges) for parent in graph.parents(oid)[:1]),
            before=tip,
            onto=target,
            after=result,
            changed_paths=tuple(text(change.path) for change in source.changes(target, result)),
            source=source,
        )
        return [finding for detector in detectors for finding in detector.detect(asked)]
    finally:
        source.close()
