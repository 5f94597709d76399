"""Documents about recorded resolutions: the members of what the verbs of `git align resolutions` say with `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.documents.resolution_origins import dump_origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitalign.documents.models.listings import (
        ForgottenResolutionsDocument,
        KnownResolutionDocument,
        LearnedResolutionsDocument,
        RecordedResolutionsDocument,
    )
    from gitalign.engine.resolution.resolutions import Known, Used
    from gitalign.resolve.entries import Images
    from gitalign.resolve.learn import LearnedResolutions
    from gitalign.resolve.record import Recorded


def _text_of(content: bytes) -> str:
    """Contents of a file as text; bytes that are not UTF-8 survive in JSON."""
    return content.decode("utf-8", "surrogateescape")


def known_resolution_content(one: Known) -> KnownResolutionDocument:
    """One resolution."""
    document: KnownResolutionDocument = {
        "name": one.name,
        "conflict": one.conflict,
        "origin": dump_origin(one.origin),
        "in_rr_cache": one.in_rr_cache,
        "disputed": one.disputed,
        "fault": one.fault,
    }
    if one.preimage is not None:
        document["preimage"] = _text_of(one.preimage)
    if one.postimage is not None:
        document["postimage"] = _text_of(one.postimage)
    return document


def forgotten_content(gone: Iterable[Images], used: Iterable[Used]) -> ForgottenResolutionsDocument:
    """What was forgotten, and which branches used it."""
    return {
        "forgotten": [one.conflict for one in gone],
        "used_by": [
            {"branch": one.branch, "run_id": one.run_id, "path": one.path, "conflict": one.conflict} for one in used
        ],
    }


def learned_content(lessons: LearnedResolutions, recorded: Recorded) -> LearnedResolutionsDocument:
    """What was learned."""
    return {
        "merges": lessons.merges,
        "conflicting": lessons.conflicting,
        "unreadable": lessons.unreadable,
        "files": lessons.files,
        "unsettled": lessons.unsettled,
        "changed_elsewhere": lessons.changed_elsewhere,
        "unusable": lessons.unusable,
        "resolved": len(lessons.resolutions),
        **recorded_content(recorded),
    }


def recorded_content(recorded: Recorded) -> RecordedResolutionsDocument:
    """What was recorded."""
    return {
        "added": [one.conflict for one in recorded.added],
        "known": recorded.known,
        "withheld": recorded.withheld,
        "refused": [{"conflict": conflict, "reason": reason} for conflict, reason in recorded.refused],
    }
