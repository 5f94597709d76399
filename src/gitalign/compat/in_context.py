"""Operations carried out in a context: where its isolation says, with its bounds, and ended in every way out."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import multiprocessing
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from gitalign.compat.in_sandbox import run_in_sandbox
from gitalign.core.execution_context import SHARES, ExecutionContext, IsolationLevel
from gitalign.errors import Interrupted, NoResources

Operation = Callable[..., Any]
_ASK_EVERY_S = 0.05
_END_S = 5.0


async def run_in_context(context: ExecutionContext, operation: Operation, *words: Any) -> Any:
    """The result of an operation.

    Args:
        context: says where it runs, until when, and with what.
        operation: a function or a coroutine function. With isolation `process` it must be importable by name, and what goes in
            and comes out must be picklable; with `sandbox` what comes out must be JSON.
        words: its arguments.

    Raises:
        TimeoutError: it takes longer than the context allows.
        Interrupted: its context was cancelled.
        UserError: the isolation cannot carry it out.
        Whatever the operation raises.
    """
    if context.isolation is IsolationLevel.SANDBOX:
        return await run_in_sandbox(context, operation, words)
    work = (
        _in_process(context, operation, words)
        if context.isolation is IsolationLevel.PROCESS
        else _here(operation, words)
    )
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + context.timeout_s
    try:
        while not task.done():
            await asyncio.wait([task], timeout=min(_ASK_EVERY_S, max(0.0, deadline - loop.time())))
            if task.done():
                break
            if context.cancellation.is_cancelled:
                raise Interrupted(f"context {context.name} was cancelled", hint="begin again")
            if loop.time() >= deadline:
                raise TimeoutError(f"{context.name}: no end after {context.timeout_s:g} s")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _here(operation: Operation, words: tuple[Any, ...]) -> Any:
    if inspect.iscoroutinefunction(operation):
        return await operation(*words)
    # A thread cannot be ended from outside: at the deadline its caller goes on, and its end is not waited for.
    found = await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, operation, *words)
    return await found if inspect.isawaitable(found) else found


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What of a context a process of its own is given: a cancellation cannot be sent there."""

    memory_bytes: int
    niceness: int
    environment: Mapping[str, str]
    work_folder: str

    def take_effect(self) -> None:
        """In the process itself, before anything else."""
        os.nice(self.niceness)
        os.environ.update(self.environment)
        if self.work_folder:
            os.chdir(self.work_folder)
        if self.memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (self.memory_bytes, self.memory_bytes))


async def _in_process(context: ExecutionContext, operation: Operation, words: tuple[Any, ...]) -> Any:
    mine, theirs = multiprocessing.Pipe(duplex=False)
    niceness = SHARES[context.performance].niceness
    bounds = _Bounds(context.memory_bytes, niceness, dict(context.environment), context.work_folder)
    started = multiprocessing.get_context("spawn").Process(
        target=_child, args=(theirs, bounds, operation, words), daemon=True
    )
    started.start()
    theirs.close()
    try:
        while not mine.poll():
            await asyncio.sleep(_ASK_EVERY_S)
        try:
            is_result, value = mine.recv()
        except (EOFError, OSError) as error:
            started.join(_END_S)
            raise NoResources(
                f"the process of {context.name} ended without a whole answer: {started.exitcode}",
                hint="look at memory and time limits",
            ) from error
    finally:
        mine.close()
        _end(started)
    if is_result:
        return value
    raise value


def _end(started: BaseProcess) -> None:
    """End a process and all that it started: its group, which it has made if it came so far."""
    if started.pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    started.kill()
    started.join(_END_S)


def _child(answer: Connection, bounds: _Bounds, operation: Operation, words: tuple[Any, ...]) -> None:
    """In the process of its own: one operation, one answer."""
    os.setsid()
    try:
        bounds.take_effect()
        value = operation(*words)
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
        answer.send((True, value))
    except BaseException as error:
        error.add_note("".join(traceback.format_exception(error))[-4000:])
        answer.send((False, error if _survives(error) else RuntimeError(f"{type(error).__name__}: {error}")))


def _survives(error: BaseException) -> bool:
    """True when an error can be sent: one with arguments of its own may be packed, and not be unpacked."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:
        return False


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value
