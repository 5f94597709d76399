"""One question to a hosting service: a GET with a deadline and a bound, and an answer that is JSON or a reason why not.

The token goes into one header of requests to one address. It is in no message, and no redirect is followed: an answer from
elsewhere is none.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from gitalign.core.names import display
from gitalign.errors import PluginError
from gitalign.release import VERSION

_MOST_BYTES = 4_000_000
_MOST_PAGES = 20
_PAGE = 100


class Unanswered(Exception):
    """The service gave no answer that can be relied on.

    Attributes:
        reason: in words, without secrets.
        status: of the HTTP answer; 0 without one.
        message: what the service said, at most 200 characters.
    """

    def __init__(self, reason: str, *, status: int = 0, message: str = "") -> None:
        super().__init__(reason)
        self.reason, self.status, self.message = reason, status, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where a service answers.

    Attributes:
        api: address below which its interface is, without a slash at the end.
        headers: of every request, the one with the token among them.
        timeout_s: for one request, from its beginning to the last byte.
    """

    api: str
    headers: Mapping[str, str]
    timeout_s: float


class Asking:
    """A connection to a service; closed at the end of its context.

    Args:
        service: where.

    Raises:
        PluginError: the HTTP library is not installed.
    """

    def __init__(self, service: Service) -> None:
        try:
            import httpx
        except ImportError as error:
            raise PluginError(
                "asking a hosting service needs httpx",
                hint="pip install 'git-align[forges]', or protection.provider: none",
            ) from error
        self._service = service
        self._errors = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)
        self._client = httpx.Client(
            headers={"User-Agent": f"git-align/{VERSION}", "Accept": "application/json", **service.headers},
            timeout=service.timeout_s,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """The JSON at a path.

        Raises:
            Unanswered
        """
        answers: SimpleQueue[tuple[int, bytes] | BaseException] = SimpleQueue()
        # The library's time-outs are for each read: a service that sends a byte now and then would be waited for without end.
        threading.Thread(target=self._ask, args=(path, answers), name=f"ask {path}", daemon=True).start()
        try:
            answer = answers.get(timeout=self._service.timeout_s)
        except Empty:
            raise Unanswered(f"{_place(path)}: no whole answer within {self._service.timeout_s:g} s") from None
        if isinstance(answer, self._errors):
            raise Unanswered(f"{_place(path)}: {type(answer).__name__}") from answer
        if isinstance(answer, BaseException):
            raise answer
        return _read(path, *answer)

    def _ask(self, path: str, answers: SimpleQueue[tuple[int, bytes] | BaseException]) -> None:
        """In a thread of its own, which ends with the connection at the latest."""
        body = bytearray()
        try:
            with self._client.stream("GET", self._service.api + path) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise Unanswered(f"{_place(path)}: the answer is too long")
                answers.put((answer.status_code, bytes(body)))
        except BaseException as error:
            answers.put(error)

    def pages(self, path: str) -> list[Any]:
        """All entries of a list that comes in pages.

        Raises:
            Unanswered: also when there are more than can be read, because a part is no answer.
        """
        entries: list[Any] = []
        mark = "&" if "?" in path else "?"
        for number in range(1, _MOST_PAGES + 1):
            page = self.get(f"{path}{mark}per_page={_PAGE}&limit={_PAGE}&page={number}")
            if not isinstance(page, list):
                raise Unanswered(f"{_place(path)}: not a list")
            entries += page
            if len(page) < _PAGE:
                return entries
        raise Unanswered(f"{_place(path)}: more than {_MOST_PAGES * _PAGE} entries")


def _read(path: str, status: int, body: bytes) -> Any:
    try:
        document = json.loads(body) if body else None
    except (ValueError, RecursionError):
        document = None
    said = document.get("message") if isinstance(document, dict) else None
    message = display(str(said))[:200] if said else ""
    if status != 200:
        words = f"{_place(path)}: HTTP {status}{f', {message}' if message else ''}"
        if status in (301, 302, 303, 307, 308):
            words += "; redirects are not followed: set protection.api or protection.repository"
        raise Unanswered(words, status=status, message=message)
    if document is None:
        raise Unanswered(f"{_place(path)}: the answer is not JSON", status=status)
    return document


def _place(path: str) -> str:
    return display(path.partition("?")[0])
