"""Whether the service is alive, and whether it can work. Both need no token and say nothing of repositories."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gitalign.errors import StoreError
from gitalign.release import VERSION
from gitalign.service.state import service_of

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok", "release": VERSION})


@router.get("/ready")
def ready(request: Request) -> JSONResponse:
    """The database answers; 503 where it does not."""
    try:
        service_of(request).require_ready()
    except StoreError as error:
        return JSONResponse({"status": "not ready", "reason": error.error_code}, status_code=503)
    return JSONResponse({"status": "ok"})
