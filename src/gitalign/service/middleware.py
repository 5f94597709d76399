"""What every request goes through: an id, a bound on its body, and headers that keep browsers from doing more than asked."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitalign.core.names import display
from gitalign.service.metrics import ServiceMetrics

if TYPE_CHECKING:
    from gitalign.service.tracing import ServiceTraces

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LONGEST_ID = 64
_LONGEST_PATH = 300
_LOG = logging.getLogger("gitalign.service")


class Guarded:
    """ASGI middleware.

    Args:
        app: the application.
        body_bytes: larger bodies are refused.
        binds_context: bind the request's id to the log lines that are written for it.
        is_https: browsers are asked to come back with TLS only.
        metrics: count requests.
    """

    def __init__(
        self, app: ASGIApp, *, body_bytes: int, binds_context: bool, is_https: bool, metrics: ServiceMetrics
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._body_bytes = body_bytes
        self._binds_context = binds_context
        self._headers = dict(_HEADERS)
        if is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id_of(Headers(scope=scope))
        is_file = scope["path"].startswith("/static/")
        started, status, is_stream = time.monotonic(), 0, False

        async def sent(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                is_stream = headers.get("Content-Type", "").startswith("text/event-stream")
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not is_file:
                    headers.setdefault("Cache-Control", "no-store")
                headers["X-Request-Id"] = request_id
            await send(message)

        bounded = self._bounded(Headers(scope=scope), receive)
        bound = {"request": request_id} if self._binds_context else {}
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        traces: ServiceTraces | None = getattr(scope["app"].state, "traces", None)
        parent = Headers(scope=scope).get("traceparent")
        traced = nullcontext(None) if traces is None else traces.request(scope, parent=parent)
        with structlog.contextvars.bound_contextvars(**bound), traced as span:
            if span is not None:
                state["trace"] = span.trace
            try:
                await self._app(scope, bounded, sent)
            finally:
                if span is not None:
                    span.status = status
                took_s = time.monotonic() - started
                self._metrics.count(scope, status, took_s, is_stream=is_stream)
                _LOG.info("%s %s %s %.0f ms", scope["method"], _shown(scope["path"]), status, took_s * 1000)

    def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        """`receive`, which refuses a body that is too large, whether its length was announced or not."""
        seen = 0
        announced = headers.get("Content-Length", "")

        async def received() -> Message:
            nonlocal seen
            if announced.isdigit() and int(announced) > self._body_bytes:
                raise self._too_large()
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._body_bytes:
                raise self._too_large()
            return message

        return received

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"a body may have at most {self._body_bytes} bytes")


def _shown(path: str) -> str:
    """A path for the log: a link to sign in is a secret, and control characters stay visible."""
    return "/sign-in/…" if path.startswith("/sign-in/") else display(path[:_LONGEST_PATH])


def _id_of(headers: Headers) -> str:
    """The request's id: the proxy's, where that is harmless, or a new one."""
    given = headers.get("X-Request-Id", "")
    is_harmless = 0 < len(given) <= _LONGEST_ID and given.replace("-", "").isalnum() and given.isascii()
    return given if is_harmless else secrets.token_hex(8)
