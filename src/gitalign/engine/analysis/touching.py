"""Which branches change which paths, by their own commits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.plan import Plan
from gitalign.git.command import text
from gitalign.git.diffs import raw_changes
from gitalign.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A branch that changes paths that were asked about.

    Attributes:
        branch, target: their names.
        paths: those it changes, sorted.
        commits: of its own that change one of them, oldest first.
        missing: own commits whose changes cannot be read here.
    """

    branch: str
    target: str
    paths: tuple[str, ...]
    commits: tuple[Oid, ...]
    missing: int = 0


def touching(
    repository: Repository, plan: Plan, graph: CommitGraph, is_asked_about: Callable[[str], bool]
) -> tuple[Touch, ...]:
    """The branches of a plan that change some of the paths asked about, in the order of the plan.

    Merges change nothing of their own here; what was resolved in one is part of neither side.

    Raises:
        GitError
    """
    own = {step.id: graph.own_ids(step.seen, step.onto) for step in plan.steps}
    wanted = list(dict.fromkeys(commit for commits in own.values() for commit in commits))
    missing: dict[Oid, Oid] = {}
    changed: dict[Oid, list[str]] = {}
    for commit, changes in raw_changes(repository, wanted, missing=missing):
        paths = [path for path in (text(change.path) for change in changes) if is_asked_about(path)]
        if paths:
            changed[commit] = paths
    found: list[Touch] = []
    for step in plan.steps:
        commits = [commit for commit in own[step.id] if commit in changed]
        unread = sum(commit in missing for commit in own[step.id])
        if commits or unread:
            paths = sorted({path for commit in commits for path in changed[commit]})
            found.append(
                Touch(
                    branch=step.branch.name,
                    target=step.target.name,
                    paths=tuple(paths),
                    commits=tuple(commits),
                    missing=unread,
                )
            )
    return tuple(found)
