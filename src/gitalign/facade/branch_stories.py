"""What a run did to one branch, commit by commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitalign.core.names import display
from gitalign.documents.summaries import dump_summary
from gitalign.documents.summary import Summary
from gitalign.engine.run.session import Request, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError
from gitalign.facade.history import show

if TYPE_CHECKING:
    from gitalign.documents.models.run_files import BranchStoryDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStory:
    """What a run did to a branch.

    Attributes:
        summary: its commits, files and findings.
        range_diff: how its commits differ from what they were, as git says it; empty when no change differs.
    """

    summary: Summary
    range_diff: str


def branch_story(request: Request, run_id: str, branch: str, *, stop: StopSignal | None = None) -> BranchStory:
    """What a run did to a branch. Changes nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        branch: by name.
        stop: the stop signal.

    Raises:
        UserError: the run did not change that branch.
        UnknownRun, GitError
    """
    from gitalign.engine.run.range_diffs import range_diffs
    from gitalign.engine.run.summaries import summaries

    opened = open_for(request, stop)
    report = show(request, run_id, stop=stop)
    found = next((one for one in summaries(opened.repository, report) if one.branch == branch), None)
    if found is None:
        raise UserError(
            f"run {report.run.id} did nothing to {display(branch)}",
            hint=f"git align show {report.run.id}",
            code="no_story",
        )
    return BranchStory(summary=found, range_diff=range_diffs(opened.repository, [found]).get(branch, ""))


def story_content(story: BranchStory) -> BranchStoryDocument:
    """The members of the document `branch-story`."""
    return {
        "run_id": story.summary.run_id,
        "branch": story.summary.branch,
        "range_diff": story.range_diff.splitlines(),
        "summary": dump_summary(story.summary),
    }
