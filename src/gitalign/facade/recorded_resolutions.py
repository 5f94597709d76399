"""The memory of resolutions: what is on record, learning, handing on, taking in, withdrawing."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from gitalign.engine.resolution.resolutions import Known, Used, look_up
from gitalign.engine.resolution.resolutions import export as write_out
from gitalign.engine.resolution.resolutions import forget_resolution as forget_recorded
from gitalign.engine.resolution.resolutions import import_resolutions as read_in
from gitalign.engine.resolution.resolutions import known as on_record
from gitalign.engine.resolution.resolutions import learn as learn_from_merges
from gitalign.engine.run.session import OpenRepository, Request, has_state, journal_of, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.resolve.entries import Images
from gitalign.resolve.learn import LearnedResolutions
from gitalign.resolve.record import Recorded


def resolutions(request: Request) -> tuple[tuple[Known, ...], tuple[str, ...]]:
    """Every resolution on record, and what was found that cannot be used. Changes nothing.

    Raises:
        GitError
    """
    opened = open_for(request)
    return on_record(opened.repository, rr_cache=_reads_cache(opened))


def resolution(request: Request, name: str) -> tuple[Known, ...]:
    """Resolutions of one conflict with their contents, by id, the beginning of one, or `<id>.<variant>`. Changes nothing.

    Raises:
        UserError: there is none, or several conflicts begin like that.
        GitError
    """
    opened = open_for(request)
    return look_up(opened.repository, name, rr_cache=_reads_cache(opened))


def forget_resolution(request: Request, name: str) -> tuple[tuple[Images, ...], tuple[Used, ...]]:
    """Withdraw resolutions; which, and every branch whose newest result has one of them in it. Moves no branch.

    Raises:
        UserError, GitError, OutOfSpace
    """
    opened = open_for(request)
    with journal_of(opened) if has_state(opened) else nullcontext() as journal:
        return forget_recorded(opened.repository, name, rr_cache=_reads_cache(opened), journal=journal, at=opened.now())


def learn_resolutions(
    request: Request, *, again: bool = False, stop: StopSignal | None = None
) -> tuple[LearnedResolutions, Recorded]:
    """Learn from the merges behind every branch how people settled conflicts. Moves no branch.

    Args:
        request: which repository.
        again: look also at history that was looked at before.
        stop: the stop signal; what was found until then is recorded.

    Raises:
        GitError, OutOfSpace, ConfigError
    """
    button = stop or StopSignal()
    opened = open_for(request, button)
    return learn_from_merges(
        opened.repository,
        opened.surroundings,
        again=again,
        write_cache=_writes_cache(opened),
        is_stopped=lambda: button.stop_requested,
    )


def export_resolutions(request: Request, place: Path) -> int:
    """Write every usable resolution to a file; how many.

    Raises:
        GitError, OutOfSpace
    """
    opened = open_for(request)
    return write_out(opened.repository, place, rr_cache=_reads_cache(opened))


def import_resolutions(
    request: Request, source: str, *, is_ref: bool = False, again: bool = False
) -> tuple[Recorded, tuple[str, ...]]:
    """Take in resolutions; what came of it, and what could not be read. Moves no branch.

    Args:
        request: which repository.
        source: a file as `export_resolutions` writes it, or a ref that was fetched.
        is_ref: which of the two.
        again: take in also what was forgotten here.

    Raises:
        UserError, GitError, OutOfSpace, ConfigError
    """
    opened = open_for(request)
    return read_in(
        opened.repository, source, is_ref=is_ref, again=again, write_cache=_writes_cache(opened), at=opened.now()
    )


def _reads_cache(opened: OpenRepository) -> bool:
    return opened.config.resolutions.rr_cache != "off"


def _writes_cache(opened: OpenRepository) -> bool:
    return opened.config.resolutions.rr_cache == "write"
