"""What a run came to, kept for as long as another one would come to the same.

Where the next run has the same fingerprint, the answer is that run's as well, and neither history nor journal is opened.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from gitalign.core.known_answer import KnownAnswer
from gitalign.core.names import is_run_id
from gitalign.engine.run.fingerprint import fingerprint, fingerprint_now, keep, kept
from gitalign.engine.run.session import Look, OpenRepository, Request

if TYPE_CHECKING:
    from gitalign.configuration.load import Config
    from gitalign.core.report import Report

_FILE = "known-answer"
_HEAD = "git-align known answer 1"
_OLD_DETECTORS = frozenset({"markers", "encoding", "syntax", "paths", "python"})


def keep_answer(opened: OpenRepository, request: Request, report: Report) -> None:
    """Keep the answer of a run that has just ended and closed its journal, if the same run would come to it again.

    What cannot be kept is not kept: the next run finds it out again.
    """
    from gitalign.core.repeatable import is_repeatable, tips_after

    place = opened.repository.state_dir / _FILE
    with suppress(OSError):
        place.unlink(missing_ok=True)
        seen = opened.history.seen_for(report.plan)
        if seen is None or seen.settings is None or seen.settings != opened.given:
            return
        if not (_is_plain(request) and _is_plain_configuration(opened.config) and is_repeatable(report)):
            return
        key = fingerprint(opened.look, request, tips_after(report), seen)
        if key is None:
            return
        counts = Counter((one.step.target.name, _again(one.verdict.value)) for one in report.branches())
        rows = (f"{target}\t{verdict}\t{many}" for (target, verdict), many in counts.items())
        keep(place, _HEAD, key, (report.run.id, str(report.exit_code()), *rows))


def known_answer(look: Look, request: Request) -> KnownAnswer | None:
    """What a run would come to; None when that is not known.

    Raises:
        GitError
    """
    found = kept(look.repository.state_dir / _FILE, _HEAD)
    if found is None or not _is_plain(request):
        return None
    key, lines = found
    answer = _answer(lines)
    return answer if answer is not None and fingerprint_now(look, request) == key else None


def _answer(lines: list[str]) -> KnownAnswer | None:
    try:
        run_id, code, *counts = lines
        rows = [line.split("\t") for line in counts]
        answer = KnownAnswer(
            run_id=run_id,
            exit_code=int(code),
            counts=tuple((target, verdict, int(many)) for target, verdict, many in rows),
        )
    except ValueError:
        return None
    return answer if is_run_id(run_id) else None


def _is_plain(request: Request) -> bool:
    """True when nothing outside the repository is asked for: no clock, no file, no remote."""
    asked = (request.input, request.authors, request.since, request.older_than, request.remote)
    return not (any(asked) or request.remote is not None or request.fetch or request.push or request.also_local)


def _is_plain_configuration(config: Config) -> bool:
    """True when nothing but git and this program decides, and no program follows each run."""
    alignment, resolutions = config.alignment, config.resolutions
    has_others = config.checks().is_configured or config.rules.packs or config.store.url or alignment.documenter
    is_followed = config.telemetry.traces or config.telemetry.metrics_file or alignment.summaries
    does_more = alignment.furthest or alignment.partial or resolutions.apply or resolutions.rungs
    asks_a_service = config.protection.provider != "none"
    return not (has_others or is_followed or does_more or asks_a_service) and _OLD_DETECTORS.issuperset(
        config.detection.detectors
    )


def _again(verdict: str) -> str:
    return "unchanged" if verdict == "aligned" else verdict
