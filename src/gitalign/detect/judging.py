"""One file that a detector trips over: neither a lost run nor a clean file, but a finding; every other file is still looked at."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from gitalign.core.findings import Finding, Severity
from gitalign.errors import GitAlignError
from gitalign.git.command import text

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What is kept of a file instead of an answer.

    Attributes:
        reason: kind and place of the error. Not its text, which may quote the file.
    """

    reason: str


def judged(look: Callable[[], V]) -> V | Unjudged:
    """What looking at one file gives, or that it could not be judged.

    Raises:
        GitAlignError: the world is broken, not the file.
    """
    try:
        return look()
    except GitAlignError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__, limit=-1)[0]
        return Unjudged(f"{type(error).__name__} in {PurePath(frame.filename).name}, line {frame.lineno}")


def detector_failed(path: bytes, detector: str, unjudged: Unjudged) -> Finding:
    """`detector_failed`: no one is named as its origin, since that is what could not be determined; so it refuses whichever file it is."""
    return Finding(
        code="detector_failed",
        severity=Severity.CRITICAL,
        message=f"this file could not be judged: {unjudged.reason}",
        path=text(path),
        detector=detector,
    )
