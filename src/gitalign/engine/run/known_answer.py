"""What a run came to, kept for as long as another one would come to the same.

The answer is kept with a fingerprint of all that it depends on. Where the next run has the same fingerprint, it is that
run's answer as well, and neither history nor journal is opened. Whatever is not known to be the same is different: the
answer is thrown away, never mended. Why this is sound: docs/adr/0040-known-answers.md.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.configuration.load import Config
from gitalign.core.known_answer import KnownAnswer
from gitalign.core.names import is_run_id
from gitalign.engine.run.planned_history import Seen
from gitalign.engine.run.session import OpenRepository, Request, journal_place
from gitalign.engine.runtime.snapshots import take_snapshot
from gitalign.git.configured import configured
from gitalign.git.repository import Repository
from gitalign.shared_files import adopt

if TYPE_CHECKING:
    from gitalign.core.report import Report
    from gitalign.core.snapshot import Tip

_PROGRAM = Path(__file__).resolve().parents[2]
_FILE = "known-answer"
_HEAD = "git-align known answer 1"
_LONGEST_BYTES = 64 * 1024
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
        if seen is None or seen.settings != opened.config.digest():
            return
        if not (_is_plain(request) and _is_plain_configuration(opened.config) and is_repeatable(report)):
            return
        key = _fingerprint(opened, request, tips_after(report), seen)
        if key is None:
            return
        counts = Counter((one.step.target.name, _again(one.verdict.value)) for one in report.branches())
        lines = [_HEAD, key, report.run.id, str(report.exit_code())]
        lines += [f"{target}\t{verdict}\t{many}" for (target, verdict), many in counts.items()]
        _write(place, "\n".join(lines) + "\n")


def known_answer(opened: OpenRepository, request: Request) -> KnownAnswer | None:
    """What a run would come to; None when that is not known.

    Raises:
        GitError
    """
    kept = _read(opened.repository.state_dir / _FILE)
    if kept is None or not _is_plain(request):
        return None
    key, answer = kept
    if journal_place(opened).stamp() is None:
        return None
    snapshot = take_snapshot(opened.repository, now=opened.now())
    seen = Seen(
        checkouts=snapshot.checkouts,
        configured=configured(opened.repository).digest(),
        settings=opened.config.digest(),
    )
    return answer if _fingerprint(opened, request, snapshot.tips, seen) == key else None


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
    return not (has_others or is_followed or does_more) and _OLD_DETECTORS.issuperset(config.detection.detectors)


def _again(verdict: str) -> str:
    return "unchanged" if verdict == "aligned" else verdict


def _fingerprint(opened: OpenRepository, request: Request, tips: Iterable[Tip], seen: Seen) -> str | None:
    """Digest of all that a run's answer depends on; None when something of it cannot be seen."""
    repository = opened.repository
    stamp = journal_place(opened).stamp()
    if stamp is None:
        return None
    return _digest(
        [
            f"{sys.version} {repository.git_version} {opened.surroundings.environ.get('PATH')}",
            repr((repository.common_dir, repository.git_dir, repository.work_tree, repository.is_bare)),
            repr((request.only, request.exclude, request.or_remote, request.needs_branches)),
            *sorted(f"{tip.ref} {tip.oid} {tip.symbolic_target} {tip.object_type}" for tip in tips),
            *sorted(f"{one.path!r} {one.ref} {one.state} {one.detail!r}" for one in seen.checkouts),
            seen.configured,
            seen.settings,
            stamp,
            *_program(),
            *_files(repository),
        ]
    )


def _program() -> Iterator[str]:
    """Every folder of this program: another release, or a change of a file, replaces files in them."""
    for folder, inner, _ in os.walk(_PROGRAM):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        yield f"{folder} {_stamp(Path(folder))}"


def _files(repository: Repository) -> Iterator[str]:
    """Files of the repository that change what git says of the same commits, and folders that get every new object."""
    common = Path(repository.common_dir)
    for name in ("shallow", "HEAD", "info/attributes", "info/grafts"):
        yield f"{name} {_stamp(common / name)}"
    for store in repository.object_stores():
        yield f"{store} {_stamp(store)}"
        with os.scandir(store) as entries:
            yield from sorted(f"{one.name} {_stamp(Path(one.path))}" for one in entries if one.is_dir())


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _digest(parts: Iterable[str]) -> str:
    made = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        made.update(b"%d:" % len(data) + data)
    return made.hexdigest()


def _write(place: Path, content: str) -> None:
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{_FILE}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
        adopt(Path(name))
        os.replace(name, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _read(place: Path) -> tuple[str, KnownAnswer] | None:
    """The fingerprint and the answer that were kept; None where there is none, or none that can be read."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            lines = file.read(_LONGEST_BYTES).decode("utf-8", "surrogateescape").split("\n")
        head, key, run_id, code, *counts, end = lines
        rows = [line.split("\t") for line in counts]
        answer = KnownAnswer(
            run_id=run_id,
            exit_code=int(code),
            counts=tuple((target, verdict, int(many)) for target, verdict, many in rows),
        )
    except (OSError, ValueError):
        return None
    return (key, answer) if head == _HEAD and not end and is_run_id(run_id) else None
