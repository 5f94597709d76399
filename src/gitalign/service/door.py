"""The one door through which every answer leaves: others than administrators get it without paths of the machine.

What jobs leave is kept as it is, for administrators. Pages, documents, problems and events pass here on their way out, webhooks in
`working/webhook_delivery.py`, which have no reader whose role is known.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitalign.core.machine_paths import MachinePaths
from gitalign.service.shown_places import ShownPlaces

_STREAM = "text/event-stream"
_FRESH_S = 1.0
"""An event stream asks for new places so often; every other answer asks each time."""


class Door:
    """ASGI middleware.

    Args:
        app: the application.
        places: that are hidden.
    """

    def __init__(self, app: ASGIApp, *, places: ShownPlaces) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        leaving = _Leaving(self, scope, send)
        await self._app(scope, receive, leaving.send)

    async def paths(self, scope: Scope, *, fresh_s: float = 0.0) -> MachinePaths:
        """What is hidden now; see `ShownPlaces.paths`."""
        service = getattr(scope["app"].state, "service", None)
        database = None if service is None else service.database
        return await asyncio.to_thread(self._places.paths, database, fresh_s=fresh_s)


class _Leaving:
    """One answer on its way out."""

    def __init__(self, door: Door, scope: Scope, send: Send) -> None:
        self._door, self._scope, self._send = door, scope, send
        self._start: Message = {}
        self._body: list[bytes] = []
        self._is_stream = self._is_markup = False

    async def send(self, message: Message) -> None:
        """Pass one message on, or keep it until the whole answer is there."""
        if self._scope.get("state", {}).get("sees_places", False):
            await self._send(message)
        elif message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("Content-Type", "")
            self._is_stream = kind.startswith(_STREAM)
            self._is_markup = "html" in kind or "xml" in kind
            self._start = message
            if self._is_stream:
                await self._send(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._is_stream:
            paths = await self._door.paths(self._scope, fresh_s=_FRESH_S)
            await self._send({**message, "body": paths.hidden(message.get("body", b""))})
        else:
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._send_whole()

    async def _send_whole(self) -> None:
        body = b"".join(self._body)
        if body:
            shown = (await self._door.paths(self._scope)).hidden(body, is_markup=self._is_markup)
            if len(shown) != len(body):
                MutableHeaders(raw=self._start["headers"])["Content-Length"] = str(len(shown))
            body = shown
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
