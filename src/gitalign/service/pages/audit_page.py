"""The audit trail and the settings, for administrators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.accounts import Actor
from gitalign.core.audit import AuditCheck
from gitalign.service.pages.page_route import PageRoute
from gitalign.service.pages.people_page import Admin
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.audit import AuditFilter

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
Word = Annotated[str, Query(max_length=200)]
_SHOWN = 50
_SECRET = ("secret", "password", "token", "key")


@router.get("/audit")
def show_audit(
    request: Request, viewer: Admin, actor: Word = "", action: Word = "", subject: Word = "", before: Word = ""
) -> Response:
    """The audit trail, newest first."""
    return _audit(request, viewer, AuditFilter(actor=actor, action=action, subject=subject), before=before)


@router.post("/audit/verify")
def verify(request: Request, viewer: Admin, head: Annotated[str, Form(max_length=64)] = "") -> Response:
    """The button that verifies the whole trail."""
    check = service_of(request).audit.verify(head=head.strip().lower() or None)
    return _audit(request, viewer, AuditFilter(), check=check)


def _audit(
    request: Request, viewer: Actor, which: AuditFilter, *, before: str = "", check: AuditCheck | None = None
) -> Response:
    number = int(before) if before.isdecimal() and len(before) < 19 else None
    rows = service_of(request).audit.newest(_SHOWN + 1, which=which, before=number)
    asked = {"actor": which.actor, "action": which.action, "subject": which.subject}
    older = urlencode({**asked, "before": rows[_SHOWN - 1].number}) if len(rows) > _SHOWN else None
    entries = [(entry, datetime.fromtimestamp(entry.at_ms / 1000, UTC)) for entry in rows[:_SHOWN]]
    return page(request, "audit.html", actor=viewer, entries=entries, which=which, older=older, check=check)


@router.get("/settings")
def show_settings(request: Request, viewer: Admin) -> Response:
    """The settings, as they are in force; what may be a secret is hidden."""
    settings = service_of(request).settings.model_dump(mode="json")
    rows = [(section, list(_flat(value))) for section, value in settings.items()]
    return page(request, "settings.html", actor=viewer, rows=rows)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a section."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif name.rpartition(".")[2].endswith(_SECRET) and value not in (None, "", [], False):
        yield name, "is set"
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value)) or "none"
    else:
        yield name, "none" if value in (None, {}) else str(value).lower() if isinstance(value, bool) else str(value)
