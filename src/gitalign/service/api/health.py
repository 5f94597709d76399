"""Whether the service is alive, and whether it can work: both need no token and say nothing of repositories. And metrics."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from gitalign.core.accounts import Role
from gitalign.errors import StoreError
from gitalign.release import VERSION
from gitalign.service.access import Needs
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
        return JSONResponse({"status": "not ready", "reason": error.code}, status_code=503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics", dependencies=[Depends(Needs(Role.VIEWER, everywhere=True))], response_class=Response)
def metrics(request: Request) -> Response:
    """Metrics in the text format of Prometheus, for a token for all repositories."""
    text, media_type = request.app.state.metrics.written(request.headers.get("Accept", ""))
    return Response(text, media_type=media_type)
