"""What a job comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitalign.core.health import Health
from gitalign.core.jobs import NewJob
from gitalign.documents.formats import json_text
from gitalign.store.service.jobs import JobDocument

JSON = "application/json"


class StillUnderWay(Exception):
    """What an earlier worker began is still carried out by its process: the job waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a job came to.

    Attributes:
        outcome: in a word.
        document: for those who asked.
        is_interrupted: it ended early because it was asked to stop.
        follow: what is to be done next.
        health: of the repository, where all its branches were looked at.
    """

    outcome: str
    document: JobDocument | None = None
    is_interrupted: bool = False
    follow: NewJob | None = None
    health: Health | None = None


def json_of(document: Mapping[str, Any]) -> JobDocument:
    """A document as a job leaves it."""
    return JobDocument(media_type=JSON, body=json_text(document))
