"""One operation of the API, defined once for both clients: its route, its arguments and what its answer is."""

from __future__ import annotations

import inspect
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote

from gitalign.client.calls import Call
from gitalign.documents.models.service import JobDocument

P = ParamSpec("P")
T = TypeVar("T")


def _as_it_is(said: Any) -> Any:
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[T]):
    """What an operation sends beside its path and its key, and what the answer is read as.

    Attributes:
        body: as JSON; None for no body.
        params: of the query; those that are None are left out.
        match: what `If-Match` names.
        followed: the job for whose sake a service that is away is waited for.
        read: makes the result of the answer.
        takes_text: the answer may be anything; else it is JSON, or there is none.
    """

    body: Mapping[str, object] | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    match: str | None = None
    followed: JobDocument | str | None = None
    read: Callable[[Any], T] = _as_it_is
    takes_text: bool = False


class Sender(ABC):
    """Sends a call, and waits for the answer."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """The answer to a call."""


class AwaitedSender(ABC):
    """Sends a call; its answer is awaited."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """The answer to a call."""


class Operation(Generic[P, T]):
    """An operation as a method of both clients: one returns its result, the other one is awaited.

    Arguments with the names of the route's places fill them. A POST has `key`: the same key asks for the same; a new one when None.

    Attributes:
        route: method and path, as the OpenAPI description has them.
        ask: says what is sent.
    """

    def __init__(self, route: str, ask: Callable[Concatenate[Any, P], Ask[T]]) -> None:
        self.route = route
        self._method, _, self._path = route.partition(" ")
        self.ask = ask
        self._signature = inspect.signature(ask)
        self._places = re.findall(r"{(\w+)}", self._path)
        missing = {*self._places, *(("key",) if self._method == "POST" else ())} - {*self._signature.parameters}
        if missing:
            raise TypeError(f"{ask.__name__} has no {', '.join(sorted(missing))}, which {route} needs")
        self.__doc__ = ask.__doc__

        @wraps(ask)
        def method(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            return client.send(self.call(*args, **kwargs))

        self._function = method

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """The request that these arguments make."""
        asked = self.ask(None, *args, **kwargs)
        given = self._signature.bind(None, *args, **kwargs).arguments
        path = self._path.format_map({name: _quoted(given[name]) for name in self._places})
        headers = {"Idempotency-Key": given.get("key") or secrets.token_hex(16)} if self._method == "POST" else {}
        if asked.match is not None:
            headers["If-Match"] = f'"{asked.match}"'
        return Call(
            method=self._method,
            path=path,
            read=asked.read,
            json=asked.body,
            params={name: value for name, value in asked.params.items() if value is not None},
            headers=headers,
            followed=asked.followed,
            takes_text=asked.takes_text,
        )

    @overload
    def __get__(self, client: None, owner: type) -> Operation[P, T]: ...
    @overload
    def __get__(self, client: Sender, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AwaitedSender, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: object, owner: type) -> object:
        return self if client is None else MethodType(self._function, client)


def operation(route: str) -> Callable[[Callable[Concatenate[Any, P], Ask[T]]], Operation[P, T]]:
    """Make an operation of a function that says what it sends.

    Args:
        route: method and path, as the OpenAPI description has them.
    """

    def made(ask: Callable[Concatenate[Any, P], Ask[T]]) -> Operation[P, T]:
        return Operation(route, ask)

    return made


def nothing(said: Any) -> None:
    """The result of an operation that answers nothing."""


def _quoted(value: object) -> str:
    return quote(str(value["id"] if isinstance(value, dict) else value), safe="")
