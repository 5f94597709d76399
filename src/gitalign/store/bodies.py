"""Documents as they are stored: text in ASCII, and what is read of it again, also from rows of earlier releases."""

from __future__ import annotations

from gitalign.core.events import Event
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Plan
from gitalign.core.publication import Publication
from gitalign.documents import events, moves, plans, results, sessions
from gitalign.documents.formats import json_text, parsed


def event_text(event: Event) -> str:
    """An event as text."""
    return json_text(events.dump(event))


def event_of(body: str) -> Event:
    """An event from text."""
    return events.load(parsed(body))


def result_text(result: StepResult) -> str:
    """A step's result as text."""
    return json_text(results.dump(result))


def result_of(body: str) -> StepResult:
    """A step's result from text."""
    return results.load(parsed(body))


def publication_text(publication: Publication) -> str:
    """A move as text."""
    return json_text(moves.dump(publication))


def publication_of(body: str) -> Publication:
    """A move from text."""
    return moves.load(parsed(body))


def session_text(session: ResolutionSession) -> str:
    """A resolution under way as text."""
    return json_text(sessions.dump(session))


def session_of(body: str) -> ResolutionSession:
    """A resolution under way from text."""
    return sessions.load(parsed(body))


def plan_of(body: str) -> Plan:
    """A plan from text."""
    return plans.read(body)
