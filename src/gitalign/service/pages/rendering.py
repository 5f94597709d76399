"""Templates: everything that they put in is escaped; names whose bytes are not UTF-8 are shown with a stand-in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from gitalign.core.accounts import Actor, Role
from gitalign.core.names import command_on, display
from gitalign.service.pages.foreseen import expected_of
from gitalign.service.standpoints import MOVED_SINCE

NAVIGATION = (
    ("/", "Now", Role.VIEWER),
    ("/jobs", "Jobs", Role.VIEWER),
    ("/wall", "Wall", Role.VIEWER),
    ("/people", "People", Role.ADMIN),
    ("/tokens", "Tokens", Role.ADMIN),
    ("/credentials", "Credentials", Role.ADMIN),
    ("/audit", "Audit", Role.ADMIN),
    ("/settings", "Settings", Role.ADMIN),
)
"""Address, words, and the role that sees it: at the head of every page."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": _shown,
        "when": _when,
        "word": _word,
        "path": _path,
        "age": _age,
        "drawn": Markup,
        "lines": _lines,
        "short": _short,
        "first_of": _first_of,
        "command_on": command_on,
        "expected": expected_of,
    }
    environment.globals |= {"Role": Role, "navigation": NAVIGATION}
    return environment


def page(request: Request, template: str, *, actor: Actor | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: what is answered.
        template: its file.
        actor: who looks; decides which buttons are there.
        status: of the answer.
        values: for the template.
    """
    text = _environment().get_template(template).render(actor=actor, here=request.url.path, **values)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=status)


def _shown(value: object) -> str:
    """A name of the repository: control characters and stray bytes are visible."""
    return display(str(value))


def _lines(value: object) -> str:
    """Lines of a file: tabs are spaces, other control characters are visible."""
    return "\n".join(display(line.expandtabs(4)) for line in str(value).split("\n"))


def _short(value: str, characters: int) -> str:
    """An id as people recognize it."""
    return value[:characters]


def _first_of(rows: Sequence[Any], most: int) -> Sequence[Any]:
    """The first rows of a table; the template says how many more there are."""
    return rows[:most]


def _when(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _age(seconds: int | None) -> str:
    """How long ago an instant is, in days or more."""
    if seconds is None:
        return ""
    days = max(0, int(time.time()) - seconds) // 86_400
    if days < 60:
        return "today" if not days else "1 day" if days == 1 else f"{days} days"
    return f"{int(days / 30.44)} months" if days < 730 else f"{int(days / 365.25)} years"


def _word(value: object) -> str:
    """A word of a document for people."""
    if value == MOVED_SINCE:
        return "not looked at since it moved"
    return str(value).replace("_", " ")


def _path(value: str) -> str:
    """A name as part of an address."""
    return quote(value, safe="/", errors="surrogateescape")
