"""After a run: what it came to, written up in every form, proved again; and looking for errors in any result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from gitalign.core.certificate import Certificate, Proof
from gitalign.core.findings import Finding
from gitalign.core.names import HEADS
from gitalign.core.outlook import Aftermath, Published
from gitalign.core.report import Report
from gitalign.core.run import RunRecord
from gitalign.documents import wire
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import (
    OpenRepository,
    has_state,
    journal_of,
    open_for,
    require_state,
    run_folder,
    sockets_of,
)
from gitalign.engine.run.session import Request as Request
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream
from gitalign.errors import UserError
from gitalign.ports import Listener

_LOOKING_S = 20.0
"""At most so long a report looks at branches that stop, beyond what earlier runs and forecasts found."""


class AlignablePointSource(StrEnum):
    """Where to learn how far conflicting branches align."""

    NOWHERE = "nowhere"
    """From the run alone, if it looked."""
    MEMORY = "memory"
    """From what was found before, too; merges nothing."""
    GIT = "git"
    """From git, where memory does not know it."""


def runs(request: Request) -> tuple[RunRecord, ...]:
    """Every run of the repository, newest first. Changes nothing."""
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return journal.runs()


def show(
    request: Request,
    run_id: str = "last",
    *,
    furthest: AlignablePointSource = AlignablePointSource.NOWHERE,
    branches: Sequence[str] | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Report:
    """The report of one run, by id, unambiguous prefix or `last`. Moves nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        furthest: where to learn how far conflicting branches align, if the run did not look.
        branches: whom to learn that of; all when None.
        listeners: followers of the search.
        stop: the stop button.

    Raises:
        UnknownRun, GitError, OutOfSpace
    """
    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        report = stored_report(opened.repository, journal, journal.run(run_id).id)
        if furthest is AlignablePointSource.NOWHERE:
            return report
        from gitalign.engine.analysis.after_run import report_with_furthest

        return report_with_furthest(
            opened.repository,
            report,
            branches=branches,
            limits=opened.config.limits(),
            memory=journal,
            emit=EventStream("furthest", opened.now, listeners),
            stop=stop or StopSignal(),
            at=opened.now(),
            from_memory_only=furthest is AlignablePointSource.MEMORY,
        )


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
    opened = open_for(request)
    found = show(request, run_id, furthest=furthest, listeners=listeners, stop=stop)
    match form:
        case ReportFormat.MARKDOWN:
            from gitalign.views.report_markdown import report_markdown

            return report_markdown(found, _aftermath(opened, found, stop or StopSignal()))
        case ReportFormat.JSON:
            return wire.dumps_report(found, indent=2) + "\n"
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
        made = aftermath(
            opened.repository,
            found,
            limits=opened.config.limits(),
            memory=journal,
            stop=stop,
            at=opened.now(),
            budget_s=_LOOKING_S,
        )
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


def verify(
    request: Request, run_id: str = "last", *, branch: str | None = None, certificates: Path | None = None
) -> tuple[Proof, ...]:
    """Prove the certificates of a run again, from the repository alone. Changes nothing.

    Every branch that the run moved must have one; a move without is reported as not proved. Of a file that is given, only
    what it holds is looked at.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`; not looked at when a file is given.
        branch: only this one.
        certificates: a file as a run writes it, instead of the run's own.

    Raises:
        UnknownRun
        UserError: no certificates, or none of that branch.
    """
    from gitalign.engine.gates.certify import FILE, awaited, prove_again, read

    opened = open_for(request)
    wanted: tuple[Certificate, ...] = ()
    if certificates is not None:
        found = read(certificates)
    else:
        require_state(opened, run_id)
        with journal_of(opened) as journal:
            record = journal.run(run_id)
            plan = journal.plan(record.id)
            wanted = awaited(record, plan, journal.publications(record.id))
        place = run_folder(opened.repository, record.id) / FILE
        found = () if wanted and not place.exists() else read(place)
    if branch is not None:
        found, wanted = (
            tuple(one for one in some if f"{HEADS}{branch}" in (one.ref, one.of)) for some in (found, wanted)
        )
        if not found and not wanted:
            raise UserError(f"no certificate of {branch}: only aligned branches have one", hint="git align show last")
    return prove_again(opened.repository, found, wanted=wanted)


def detect(
    request: Request, *, onto: str, branch: str, after: str, paths: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """What the configured detectors find in a result somebody made of a branch and a target. Changes nothing.

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
    detection = Detection.of(sockets_of(opened.config), timeout_s=limits.detection_timeout_s)
    with outside_a_run(opened.repository, looked, timeout_s=limits.integration_timeout_s) as asked:
        found = detection.findings(asked)
    wanted = None if paths is None else set(paths)
    return tuple(one for one in found if wanted is None or one.path is None or one.path in wanted)
