"""`ContextManager`, as the orchestrator's request names it, over contexts that are values.

Which context is active is kept in a context variable: each thread and each asyncio task has its own, and starts with that of
the one that began it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gitalign.core.access import AccessProfile
from gitalign.core.execution_context import Cancellation, ExecutionContext, IsolationLevel, PerformanceMode
from gitalign.errors import UserError

_CORRECT = "correct the configuration"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_environment(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, (*value, *value.values())))


_KEYS: Mapping[str, Callable[[object], bool]] = {
    "target": _is_text,
    "branch": _is_text,
    "work_folder": lambda value: isinstance(value, str | os.PathLike),
    "environment": _is_environment,
    "timeout_s": _is_number,
    "memory_bytes": lambda value: _is_number(value) and not isinstance(value, float),
    "access": lambda value: value is None or isinstance(value, AccessProfile),
}
_ENUMS = {"isolation_level": ("isolation", IsolationLevel), "performance_mode": ("performance", PerformanceMode)}


class ContextManager:
    """Named contexts of one program; safe under threads and asyncio."""

    def __init__(self) -> None:
        self._contexts: dict[str, ExecutionContext] = {}
        self._lock = threading.Lock()
        self._active: ContextVar[str | None] = ContextVar("active", default=None)

    @property
    def contexts(self) -> Mapping[str, ExecutionContext]:
        """All contexts by name, as they are now."""
        with self._lock:
            return MappingProxyType(dict(self._contexts))

    async def initialize(self) -> None:
        """Make the context `default`, unless it is there."""
        with self._lock:
            self._contexts.setdefault("default", ExecutionContext(name="default"))

    async def create_context(self, name: str, config: Mapping[str, Any] | None = None) -> ExecutionContext:
        """Make a context.

        Args:
            name: of the context; it must be free.
            config: fields of `ExecutionContext`, and `isolation_level` and `performance_mode` by name.

        Raises:
            UserError: the name is taken, or the configuration has an unknown key or a wrong value.
        """
        context = _context(name, config or {})
        with self._lock:
            if name in self._contexts:
                raise UserError(f"there is a context {name!r} already", hint="clean it up first, or take another name")
            self._contexts[name] = context
        return context

    async def activate_context(self, name: str) -> None:
        """Make a context the active one of this task or thread.

        Raises:
            ValueError: there is none of that name.
        """
        self._known(name)
        self._active.set(name)

    async def get_active_context(self) -> ExecutionContext:
        """The active context of this task or thread.

        Raises:
            ValueError: none is active, or it was cleaned up since.
        """
        name = self._active.get()
        if name is None:
            raise ValueError("No active context")
        return self._known(name)

    async def cleanup_context(self, name: str) -> None:
        """Forget a context, and ask what still runs in it to end. Done twice it is the same."""
        with self._lock:
            context = self._contexts.pop(name, None)
        if context is not None:
            context.cancellation.cancel()
        if self._active.get() == name:
            self._active.set(None)

    @contextmanager
    def activated(self, name: str) -> Iterator[ExecutionContext]:
        """A context that is active while inside; what was active before is active again afterwards.

        Raises:
            ValueError: there is none of that name.
        """
        context = self._known(name)
        token = self._active.set(name)
        try:
            yield context
        finally:
            self._active.reset(token)

    def _known(self, name: str) -> ExecutionContext:
        with self._lock:
            context = self._contexts.get(name)
        if context is None:
            raise ValueError(f"Context {name} not found")
        return context


def _context(name: str, config: Mapping[str, Any]) -> ExecutionContext:
    values: dict[str, Any] = {}
    for key, value in config.items():
        if key in _ENUMS:
            field, kind = _ENUMS[key]
            try:
                values[field] = kind(value)
            except ValueError:
                known = ", ".join(kind)
                raise UserError(f"unknown {key} {value!r}; known are {known}", hint=_CORRECT) from None
        elif key not in _KEYS:
            known = ", ".join(sorted({*_KEYS, *_ENUMS}))
            raise UserError(f"unknown key {key!r} of a context; known are {known}", hint=_CORRECT)
        elif not _KEYS[key](value):
            raise UserError(f"{key} of a context cannot be {value!r}", hint=_CORRECT)
        else:
            values[key] = os.fspath(value) if key == "work_folder" else value
    try:
        return replace(ExecutionContext(name=name, cancellation=Cancellation()), **values)
    except ValueError as error:
        raise UserError(str(error), hint=_CORRECT) from None
