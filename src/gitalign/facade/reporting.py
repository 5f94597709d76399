"""Reports of a run in every form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from gitalign.core.outlook import Aftermath, Published
from gitalign.core.report import Report
from gitalign.documents import reports
from gitalign.engine.run.contexts import Caller, analysis_context
from gitalign.engine.run.session import (
    OpenRepository,
    journal_of,
    open_for,
)
from gitalign.engine.run.session import Request as Request
from gitalign.engine.runtime.signals import StopSignal
from gitalign.facade.history import AlignablePointSource, show
from gitalign.ports import Listener

_LOOKING_S = 20.0
"""At most so long a report looks at branches that stop, beyond what earlier runs and forecasts found."""


class ReportFormat(StrEnum):
    """Forms in which a run is written up."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"


def write_up(
    request: Request,
    run_id: str = "last",
    *,
    form: ReportFormat,
    furthest: AlignablePointSource = AlignablePointSource.MEMORY,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> str:
    """A run written up, from journal and repository. Moves nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        form: of the text.
        furthest: where to learn how far conflicting branches align, if the run did not look.
        listeners: followers of that search.
        stop: the stop button.

    Raises:
        UnknownRun, GitError
    """
    opened = open_for(request, stop)
    found = show(request, run_id, furthest=furthest, listeners=listeners, stop=stop)
    match form:
        case ReportFormat.MARKDOWN:
            from gitalign.views.report_markdown import report_markdown

            return report_markdown(found, _aftermath(opened, found, stop or StopSignal()))
        case ReportFormat.JSON:
            return "".join(reports.text_pieces(found, indent=2)) + "\n"
        case ReportFormat.JUNIT:
            from gitalign.views.junit import junit

            return junit(found)
        case ReportFormat.SARIF:
            from gitalign.views.sarif import sarif

            return sarif(found)
        case ReportFormat.HTML:
            return _page_of(opened, found, _aftermath(opened, found, stop or StopSignal()))
        case _ as never:
            assert_never(never)


def name_of(opened: OpenRepository) -> str:
    """The name of a repository: of the folder it lies in."""
    place = Path(opened.repository.common_dir)
    return place.parent.name if place.name == ".git" else place.name.removesuffix(".git")


def published_of(opened: OpenRepository) -> Published | None:
    """What a hosting service has of the repository; None where none is known."""
    from gitalign.engine.publishing.published import published

    return published(opened.repository, opened.config.alignment.remote, opened.config.pages.services())


def _aftermath(opened: OpenRepository, found: Report, stop: StopSignal) -> Aftermath:
    from gitalign.engine.analysis.run_outlook import aftermath

    with journal_of(opened) as journal:
        context = analysis_context(opened, journal, Caller(stop=stop), name="aftermath")
        made = aftermath(context, found, budget_s=_LOOKING_S)
    return replace(made, published=published_of(opened))


def _page_of(opened: OpenRepository, found: Report, after: Aftermath) -> str:
    from gitalign.engine.run.range_diffs import range_diffs
    from gitalign.engine.run.summaries import summaries
    from gitalign.views.report import report_page, timeline

    with journal_of(opened) as journal:
        events = journal.events(found.run.id)
    told = summaries(opened.repository, found)
    return report_page(
        found,
        name=name_of(opened),
        summaries=told,
        timeline=timeline(events),
        range_diffs=range_diffs(opened.repository, told),
        after=after,
    )


def write_summaries(request: Request, run_id: str = "last", *, folder: Path) -> tuple[Path, ...]:
    """Write `<branch>_CHANGES_SUMMARY.md` and the same as JSON for every branch of a run; the Markdown files.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        folder: made when it is not there.

    Raises:
        UnknownRun, GitError, OutOfSpace
    """
    from gitalign.engine.run.summaries import summaries
    from gitalign.engine.run.summaries import write_summaries as write

    opened = open_for(request)
    return tuple(write(folder, summaries(opened.repository, show(request, run_id))))
