"""Errors as problem details (RFC 9457), with the codes of the command line."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from gitalign.core.jobs import Job
from gitalign.core.secrets_in_text import without_secrets
from gitalign.errors import (
    ConfigError,
    Contradiction,
    GitAlignError,
    NoResources,
    NotFound,
    NotPermitted,
    PlanRefused,
    StoreError,
    UnknownRun,
    UserError,
)
from gitalign.service.pages.rendering import page

_LOG = logging.getLogger("gitalign.service")
MEDIA_TYPE = "application/problem+json"


class NotSignedIn(UserError):
    """No token, or one that is not valid."""

    code = "not_signed_in"


class NotAllowed(UserError):
    """The role of the token does not suffice."""

    code = "not_allowed"


class TooOften(GitAlignError):
    """More requests than the limits allow."""

    code = "too_often"
    retryable = True
    exit_code = 3


class ProviderUnavailable(GitAlignError):
    """The OpenID provider does not answer, or not as one does."""

    code = "provider_unavailable"
    retryable = True
    exit_code = 3


class StateChanged(UserError):
    """What the client saw is not what is there (`If-Match`)."""

    code = "state_changed"


class ConflictDetectionError(GitAlignError):
    """Conflicts could not be found out; named as in the original requests."""

    code = "conflict_detection_failed"
    exit_code = 3


class AnalysisError(GitAlignError):
    """Branches could not be analysed; named as in the original requests."""

    code = "analysis_failed"
    exit_code = 3


class ResolutionError(GitAlignError):
    """What was resolved could not be found out; named as in the original requests."""

    code = "resolution_failed"
    exit_code = 3


_STATUS: tuple[tuple[type[GitAlignError], HTTPStatus], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (UnknownRun, HTTPStatus.NOT_FOUND),
    (Contradiction, HTTPStatus.CONFLICT),
    (PlanRefused, HTTPStatus.CONFLICT),
    (StateChanged, HTTPStatus.PRECONDITION_FAILED),
    (TooOften, HTTPStatus.TOO_MANY_REQUESTS),
    (NoResources, HTTPStatus.SERVICE_UNAVAILABLE),
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UserError, HTTPStatus.BAD_REQUEST),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ProviderUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (ConflictDetectionError, HTTPStatus.FAILED_DEPENDENCY),
    (AnalysisError, HTTPStatus.FAILED_DEPENDENCY),
    (ResolutionError, HTTPStatus.FAILED_DEPENDENCY),
)
_RETRY_AFTER_S = "5"


def status_of(error: GitAlignError) -> HTTPStatus:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(
    status: HTTPStatus, *, code: str, detail: str, hint: str = "", faults: tuple[str, ...] = (), instance: str = ""
) -> dict[str, Any]:
    """Problem details; `code`, `hint` and `faults` are as in the document `error` of the command line."""
    return {
        "type": f"urn:git-align:error:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": without_secrets(detail),
        "code": code,
        "hint": without_secrets(hint),
        "faults": list(map(without_secrets, faults)),
        "instance": without_secrets(instance),
    }


_STATUS_OF_CODE = {
    "worktree_conflict": HTTPStatus.CONFLICT,
    "merge_conflict": HTTPStatus.CONFLICT,
    "busy": HTTPStatus.CONFLICT,
    "unknown_worktree": HTTPStatus.NOT_FOUND,
    "unknown_branch": HTTPStatus.NOT_FOUND,
    "unknown_run": HTTPStatus.NOT_FOUND,
    "unknown_batch": HTTPStatus.NOT_FOUND,
    "not_for_addresses": HTTPStatus.CONFLICT,
    "author_not_allowed": HTTPStatus.FORBIDDEN,
    "bug": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def problem_of_job(job: Job, *, instance: str) -> dict[str, Any]:
    """Why a job ended without a result, for who waited for it."""
    error = job.error or {}
    code = str(error.get("code", "failed"))
    status = _STATUS_OF_CODE.get(code, HTTPStatus.BAD_REQUEST)
    detail, hint = str(error.get("message", "")), str(error.get("hint", ""))
    return problem(status, code=code, detail=detail, hint=hint, instance=instance)


def of_error(request: Request, error: GitAlignError) -> JSONResponse:
    """The answer to a request that ended in an error of git-align."""
    status = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.exception("a request ended in a bug", exc_info=error)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="git-align"'
    if error.retryable or status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = _RETRY_AFTER_S
    faults = tuple(getattr(error, "faults", ()))
    body = problem(
        status, code=error.code, detail=error.message, hint=error.hint, faults=faults, instance=request.url.path
    )
    return JSONResponse(body, status_code=status.value, headers=headers, media_type=MEDIA_TYPE)


def faults_of(error: RequestValidationError) -> tuple[str, ...]:
    """What is wrong with the fields of a request; never what was typed: it may be a secret."""
    faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return tuple(ascii(fault)[1:-1] if not fault.isprintable() else fault for fault in faults)


def is_for_people(request: Request) -> bool:
    """True when a browser asks for a page, so that an error is one, too."""
    is_api = request.url.path.startswith(("/api/", "/static/"))
    return not is_api and "text/html" in request.headers.get("Accept", "")


def error_page(request: Request, error: GitAlignError, status: HTTPStatus) -> Response:
    """The page that shows an error and the next step."""
    shown = UserError(without_secrets(error.message), hint=without_secrets(error.hint))
    return page(request, "error.html", actor=None, status=status.value, error=shown)


_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_request"}


def configure_error_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem document."""

    @app.exception_handler(GitAlignError)
    async def _ours(request: Request, error: GitAlignError) -> Response:
        return error_page(request, error, status_of(error)) if is_for_people(request) else of_error(request, error)

    @app.exception_handler(HTTPException)
    async def _of_http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        if is_for_people(request):
            return error_page(request, UserError(str(error.detail)), status)
        code = _CODES.get(error.status_code, status.phrase.lower().replace(" ", "_"))
        body = problem(status, code=code, detail=str(error.detail), instance=request.url.path)
        return JSONResponse(body, status_code=status.value, headers=error.headers, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def _not_valid(request: Request, error: RequestValidationError) -> Response:
        faults = faults_of(error)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if is_for_people(request):
            return error_page(request, UserError("; ".join(faults)), status)
        body = problem(
            status,
            code="usage",
            detail=f"{len(faults)} fault{'' if len(faults) == 1 else 's'} in the request",
            faults=faults,
            instance=request.url.path,
        )
        return JSONResponse(body, status_code=status.value, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> Response:
        status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "a bug of git-align; its log says more"
        if is_for_people(request):
            return error_page(request, UserError(detail), status)
        body = problem(status, code="bug", detail=detail, instance=request.url.path)
        return JSONResponse(body, status_code=status.value, media_type=MEDIA_TYPE)
