"""Operations in a sandbox: confined as the operator's checks are, by bubblewrap and nothing weaker.

What comes back is JSON: a value that confined code has pickled could run anything in this process.
"""

from __future__ import annotations

import asyncio
import builtins
import json
import os
import pickle
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitalign.compat.sandboxed import ANSWER, REQUEST
from gitalign.core.execution_context import SHARES, ExecutionContext
from gitalign.core.validation import Bounds, CheckResult, CheckStatus, CommandCheck, ValidationPlan
from gitalign.errors import Interrupted, NoResources, UserError
from gitalign.validate.commands import CheckCancelled, Sandbox, run_command
from gitalign.validate.confine import Confinement, confinement_for
from gitalign.validate.place import Place

_MOST_BYTES = 16 * 1024 * 1024
_UNBOUNDED_BYTES = 2 * 1024**3


async def run_in_sandbox(context: ExecutionContext, operation: Callable[..., Any], words: tuple[Any, ...]) -> Any:
    """The result of an operation that sees nothing of the machine but the system, its tools, and the work folder.

    It runs in an empty folder of its own. The work folder is there to be read, without its `.git`. There is no network, and no
    variable but the context's and those of every check.

    Args:
        context: says with what, and until when.
        operation: a function or coroutine function that can be imported by name.
        words: its arguments; they must be picklable.

    Returns:
        What it returns, as JSON makes it: a tuple comes back as a list.

    Raises:
        UserError: bubblewrap does not work on this machine, or the operation cannot be imported.
        TimeoutError: it takes longer than the context allows.
        Interrupted: its context was cancelled.
        NoResources: it used too much, or gave no answer.
        Whatever of Python's own errors the operation raises; RuntimeError for others.
    """
    given_up = threading.Event()
    work = asyncio.get_running_loop().run_in_executor(None, _run, context, operation, words, given_up)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        given_up.set()
        await asyncio.gather(work, return_exceptions=True)
        raise


def sandbox_words(context: ExecutionContext) -> str:
    """What a sandbox keeps operations away from on this machine.

    Raises:
        UserError: there is none here.
    """
    return _confinement(context).words


def _run(
    context: ExecutionContext, operation: Callable[..., Any], words: tuple[Any, ...], given_up: threading.Event
) -> Any:
    confinement = _confinement(context, _source_of(operation))
    with tempfile.TemporaryDirectory(prefix="git-align-sandbox-") as folder:
        root = Path(folder).resolve()
        place = Place(root, root / "tree", root / "home", root / "tmp")
        for own in (place.tree, place.home, place.scratch):
            own.mkdir()
        request = (operation.__module__, operation.__qualname__, words, sys.path, SHARES[context.performance].niceness)
        try:
            (place.scratch / REQUEST).write_bytes(pickle.dumps(request))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UserError(
                f"it cannot be handed to a sandbox: {error}", hint="use values that can be pickled"
            ) from error
        check = CommandCheck(
            name=context.name,
            argv=(sys.executable, "-P", "-m", "gitalign.compat.sandboxed", str(place.scratch)),
            timeout_s=context.timeout_s,
        )
        bounds = Bounds(memory_bytes=context.memory_bytes or _UNBOUNDED_BYTES)
        try:
            result = run_command(
                check,
                place,
                Sandbox(confinement, bounds, {"PATH": _tools(), **context.environment}),
                is_cancelled=lambda: given_up.is_set() or context.cancellation.is_cancelled,
            )
        except CheckCancelled:
            raise Interrupted(f"context {context.name} was cancelled", hint="begin again") from None
        return _answer(context, result, place.scratch / ANSWER)


def _confinement(context: ExecutionContext, *shown: Path) -> Confinement:
    folder = Path(context.work_folder).resolve() if context.work_folder else None
    readable = tuple(str(one) for one in (*shown, *([folder] if folder else ())))
    plan = ValidationPlan(confinement="require", network=False, read_only_paths=readable)
    hidden = folder / ".git" if folder is not None else Path(tempfile.gettempdir(), "git-align-no-repository")
    found = confinement_for(plan, hidden)
    if found.name != "bubblewrap":
        raise UserError(
            f"a sandbox needs bubblewrap; this machine offers {found.words}",
            hint="install bubblewrap, or use isolation_level process",
        )
    return found


def _source_of(operation: Callable[..., Any]) -> Path:
    """The package, or the file, that an operation is imported from.

    Raises:
        UserError
    """
    name, _, rest = operation.__module__.partition(".")
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if "<" in operation.__qualname__ or name == "__main__" or module is None:
        raise UserError(
            f"{operation.__qualname__} cannot be imported by name",
            hint="make it a function of a module, not of a script",
        )
    if file is not None and not rest and not hasattr(module, "__path__"):
        return Path(file).resolve()
    return Path(next(iter(getattr(module, "__path__", [file or sys.prefix])))).resolve()


def _tools() -> str:
    return "/usr/local/bin:/usr/bin:/bin"


def _read(place: Path) -> bytes:
    """What confined code has put there: a file, and not something else that would be waited for or followed."""
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a file")
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise OSError(f"its answer has more than {_MOST_BYTES // 1024**2} MB")
    return data


def _answer(context: ExecutionContext, result: CheckResult, place: Path) -> Any:
    if result.status is CheckStatus.TIMED_OUT:
        raise TimeoutError(f"{context.name}: no end after {context.timeout_s:g} s")
    try:
        said = json.loads(_read(place))
        kind, value = said["kind"], said["value"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = result.reason or ("nothing was written" if isinstance(error, FileNotFoundError) else str(error))
        raise NoResources(
            f"the sandbox of {context.name} ended without an answer: {reason}",
            hint="look at memory and time limits",
        ) from error
    if kind == "result":
        return value
    raised = getattr(builtins, str(kind), None)
    if isinstance(raised, type) and issubclass(raised, Exception):
        raise raised(value)
    raise RuntimeError(f"{kind}: {value}")
