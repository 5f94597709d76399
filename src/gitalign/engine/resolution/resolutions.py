"""What people do with recorded resolutions: look, export, import, learn, forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gitalign.core.conflict import RECORDED
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import UserError
from gitalign.git.in_quarantine import in_quarantine
from gitalign.git.quarantine import Quarantine, sweep_quarantines
from gitalign.git.refs import commit_of, read_tips
from gitalign.git.repository import Repository
from gitalign.output_file import write_whole
from gitalign.ports import Journal
from gitalign.resolve.archive import pack, unpack
from gitalign.resolve.entries import Images, Resolution
from gitalign.resolve.learn import LearnedResolutions
from gitalign.resolve.learn import learn as study
from gitalign.resolve.record import Change, Recorded, forget, imported, record, write_rr_cache
from gitalign.resolve.recorded_resolutions import (
    Entry,
    RecordedResolutions,
    ResolutionReader,
    read_commit,
    read_resolutions,
)
from gitalign.resolve.rerere import Unbalanced, normalise

_PREFIX = "learn-"
_CACHE = "rr-cache/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One resolution on record.

    Attributes:
        name: unambiguous: `<id>`, `<id>.<variant>`, or one of these behind `rr-cache/`.
        in_rr_cache: only git's own folder has it.
        disputed: the very same file was settled in another way, too; neither is applied.
        fault: why it is not used; empty when nothing speaks against it.
        preimage, postimage: contents; None where only names were asked for.
    """

    name: str
    conflict: str
    variant: int
    origin: Origin
    in_rr_cache: bool
    disputed: bool
    fault: str = ""
    preimage: bytes | None = None
    postimage: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A branch whose newest result has a resolution in it."""

    branch: str
    run_id: str
    path: str
    conflict: str


def known(repository: Repository, *, rr_cache: bool) -> tuple[tuple[Known, ...], tuple[str, ...]]:
    """Every resolution on record, and what was found that cannot be used.

    Raises:
        GitError
    """
    recorded = read_resolutions(repository, rr_cache=rr_cache)
    with _shelf(recorded, repository) as shelf:
        disputed = {one for several in recorded.disputed().values() for one in several}
        return tuple(_known(shelf, entry, disputed) for entry in recorded.all()), recorded.faults


def look_up(repository: Repository, name: str, *, rr_cache: bool) -> tuple[Known, ...]:
    """Resolutions by id, the beginning of one, or `<id>.<variant>`; with their contents.

    Raises:
        UserError: none, or of several conflicts.
        GitError
    """
    recorded = read_resolutions(repository, rr_cache=rr_cache)
    with _shelf(recorded, repository) as shelf:
        disputed = {one for several in recorded.disputed().values() for one in several}
        return tuple(_known(shelf, entry, disputed, whole=True) for entry in _named(recorded, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFile:
    """A file whose conflicts a person resolved.

    Attributes:
        marked: the file as the merge left it, with conflict markers.
        resolved: the file as it is now.
        marker_size: characters of a marker.
        origin: who, when, on which branch and commit.
    """

    marked: bytes
    resolved: bytes
    marker_size: int
    origin: Origin


def record_resolution(repository: Repository, file: ResolvedFile, *, write_cache: bool, at: datetime) -> Recorded:
    """Record what a person made of a conflict just now; forgotten before or not.

    Args:
        repository: the repository.
        file: the conflict and its resolution.
        write_cache: let git itself know, too.
        at: time of the commit.

    Returns:
        What came of it; nothing when the file had no conflict that its contents identify.

    Raises:
        RefLocked, GitError, OutOfSpace, ConfigError
    """
    try:
        conflict = normalise(file.marked, marker_size=file.marker_size, object_format=repository.object_format)
    except Unbalanced:
        conflict = None
    if conflict is None:
        return Recorded()
    one = Resolution(conflict=conflict.id, preimage=conflict.image, postimage=file.resolved, origin=file.origin)
    recorded = read_resolutions(repository, rr_cache=False)
    made = record(repository, recorded, [one], Change(at=at, message=f"Record {conflict.id[:12]}"), again=True)
    if write_cache:
        write_rr_cache(repository, [one])
    return made


def forget_resolution(
    repository: Repository, name: str, *, rr_cache: bool, journal: Journal | None, at: datetime
) -> tuple[tuple[Images, ...], tuple[Used, ...]]:
    """Forget resolutions; which, and every branch whose newest result has one of them in it.

    Raises:
        UserError, GitError, OutOfSpace
    """
    recorded = read_resolutions(repository, rr_cache=rr_cache)
    wanted = [entry.images for entry in _named(recorded, name)]
    used = uses(journal, {one.conflict for one in wanted}) if journal is not None else ()
    forget(repository, recorded, wanted, at=at)
    return tuple(wanted), used


def uses(journal: Journal, conflicts: Iterable[str]) -> tuple[Used, ...]:
    """Branches whose newest result has a resolution of one of the conflicts in it, by name."""
    wanted = set(conflicts)
    used = {
        Used(branch=result.branch, run_id=run_id, path=applied.path, conflict=applied.conflict)
        for run_id, result in journal.results_with(wanted)
        if isinstance(result.outcome, Aligned)
        for applied in result.outcome.resolved
        if applied.conflict in wanted and applied.resolver == RECORDED
    }
    return tuple(sorted(used, key=lambda one: (one.branch, one.path)))


def learn(
    repository: Repository,
    surroundings: Surroundings,
    *,
    again: bool,
    write_cache: bool,
    is_stopped: Callable[[], bool],
) -> tuple[LearnedResolutions, Recorded]:
    """Learn from the merges behind every branch, and record it.

    Args:
        repository: the repository.
        surroundings: the time of the commit, unpredictable names.
        again: look also at history that was looked at before.
        write_cache: let git itself know, too.
        is_stopped: asked between merges.

    Raises:
        GitError, OutOfSpace, ConfigError
    """
    recorded = read_resolutions(repository, rr_cache=False)
    tips = [tip.oid for tip in read_tips(repository) if tip.object_type == "commit"]
    folder = repository.state_dir / "quarantine"
    sweep_quarantines(folder, glob=f"{_PREFIX}*")
    learned = () if again else recorded.learned

    def work(quarantine: Quarantine) -> LearnedResolutions:
        found = study(repository, quarantine, tips=tips, learned=learned, is_stopped=is_stopped)
        quarantine.require_memory()
        return found

    lessons = in_quarantine(repository, _PREFIX + surroundings.token(6), work)
    made = record(
        repository,
        recorded,
        lessons.resolutions,
        Change(
            at=surroundings.now(),
            message=f"Learn from {lessons.merges} merges",
            learned=lessons.tips if not again or lessons.tips else recorded.learned,
        ),
    )
    if write_cache:
        write_rr_cache(repository, lessons.resolutions)
    return lessons, made


def export(repository: Repository, place: Path, *, rr_cache: bool) -> int:
    """Write every usable resolution to a file; how many.

    Raises:
        GitError, OutOfSpace
    """
    recorded = read_resolutions(repository, rr_cache=rr_cache)
    with _shelf(recorded, repository) as shelf:
        usable = [one for entry in recorded.all() if isinstance(one := shelf.get(entry), Resolution)]
    write_whole(place, pack(usable))
    return len(usable)


def import_resolutions(
    repository: Repository, source: str, *, is_ref: bool, again: bool, write_cache: bool, at: datetime
) -> tuple[Recorded, tuple[str, ...]]:
    """Take in resolutions from a file or from a ref that was fetched; what came of it, and what could not be read.

    Args:
        repository: the repository.
        source: the file, or any name git knows the commit by.
        is_ref: which of the two.
        again: take in also what was forgotten here.
        write_cache: let git itself know, too.
        at: time of the commit.

    Raises:
        UserError, GitError, OutOfSpace, ConfigError
    """
    recorded = read_resolutions(repository, rr_cache=False)
    forgotten: frozenset[Images] = frozenset()
    learned: frozenset[Oid] | None = None
    also: Oid | None = None
    if is_ref:
        also = commit_of(repository, source)
        theirs = read_commit(repository, also)
        faults = list(theirs.faults)
        taken: list[Resolution] = []
        with _shelf(theirs, repository) as shelf:
            for entry in theirs.all():
                one = shelf.get(entry)
                if isinstance(one, str):
                    faults.append(f"{entry.images.conflict}: {one}")
                else:
                    taken.append(imported(one, source))
        forgotten, learned = theirs.forgotten, recorded.learned | theirs.learned
        if also == recorded.commit:
            also = None
    else:
        unpacked = unpack(Path(source))
        faults = list(unpacked.faults)
        taken = [imported(one, Path(source).name) for one in unpacked.resolutions]
    made = record(
        repository,
        recorded,
        taken,
        Change(at=at, message=f"Import from {source}", learned=learned, forgotten=forgotten, also=also),
        again=again,
    )
    if write_cache:
        write_rr_cache(repository, taken)
    return made, tuple(faults)


@contextmanager
def _shelf(recorded: RecordedResolutions, repository: Repository) -> Iterator[ResolutionReader]:
    shelf = ResolutionReader(recorded, repository)
    try:
        yield shelf
    finally:
        shelf.close()


def _known(shelf: ResolutionReader, entry: Entry, disputed: set[Images], *, whole: bool = False) -> Known:
    one = shelf.get(entry)
    is_usable = isinstance(one, Resolution)
    several = len(shelf.recorded.entries[entry.images.conflict]) > 1
    return Known(
        name=(_CACHE if entry.in_rr_cache else "")
        + entry.images.conflict
        + (f".{entry.variant}" if entry.variant or several else ""),
        conflict=entry.images.conflict,
        variant=entry.variant,
        origin=one.origin if isinstance(one, Resolution) else Origin(kind=OriginKind.UNKNOWN),
        in_rr_cache=entry.in_rr_cache,
        disputed=entry.images in disputed,
        fault="" if is_usable else str(one),
        preimage=one.preimage if isinstance(one, Resolution) and whole else None,
        postimage=one.postimage if isinstance(one, Resolution) and whole else None,
    )


def _named(recorded: RecordedResolutions, name: str) -> Sequence[Entry]:
    start, _, number = name.removeprefix(_CACHE).partition(".")
    conflicts = [conflict for conflict in recorded.entries if start and conflict.startswith(start)]
    if len(conflicts) > 1:
        raise UserError(f"{len(conflicts)} conflicts begin with {start}", hint="give more of the id")
    found = [
        entry
        for conflict in conflicts
        for entry in recorded.entries[conflict]
        if (not number or str(entry.variant) == number)
        and (entry.in_rr_cache or not name.startswith(_CACHE))
        and (not entry.in_rr_cache or not number or name.startswith(_CACHE))
    ]
    if not found:
        raise UserError(f"no resolution {name!r} is on record", hint="git align resolutions list")
    return found
