"""Steps that are safe to take, as the orchestrator's request names them: a file changed or left as it was, an operation that
is rolled back, a step that is looked at before the next begins.
"""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gitalign.errors import UserError

Check = Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
_log = logging.getLogger("gitalign.steps")


class ValidationError(Exception):
    """A step did not pass a check."""


def safe_modify_file(file_path: str | Path, modifications: Callable[[str], object]) -> Path:
    """Change a file whole or not at all; a copy of how it was is kept beside it.

    The file is changed in a copy, which takes its place in one step: another process sees the old file or the new one, and a
    process that is killed leaves the old one, and a folder `.git-align-…` beside it. A link is followed: what it leads to is changed.

    Args:
        file_path: of a plain file.
        modifications: called with the path of the copy; what it raises leaves the file as it was.

    Returns:
        The path of the backup: `<file>.backup`, or `<file>.backup.1` and so on where that is taken.

    Raises:
        UserError: not a plain file.
        OSError
    """
    place = Path(os.path.realpath(file_path))
    try:
        mode = place.lstat().st_mode
    except OSError as error:
        raise UserError(f"{file_path}: {error.strerror}", hint="name a file that is there") from error
    if not stat.S_ISREG(mode):
        raise UserError(f"{file_path} is not a plain file", hint="name a file")
    folder = Path(tempfile.mkdtemp(prefix=".git-align-", dir=place.parent))
    try:
        copy = folder / place.name
        shutil.copy2(place, copy)
        modifications(str(copy))
        _to_disk(copy)
        backup = _backup(place)
        os.replace(copy, place)
        return backup
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _backup(place: Path) -> Path:
    """A copy of a file under a name that was free."""
    number = 0
    while True:
        backup = place.with_name(f"{place.name}.backup{f'.{number}' if number else ''}")
        number += 1
        with suppress(FileExistsError):
            os.close(os.open(backup, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
    try:
        shutil.copy2(place, backup)
        _to_disk(backup)
    except BaseException:
        backup.unlink(missing_ok=True)  # half a copy is no backup
        raise
    return backup


def _to_disk(place: Path) -> None:
    with place.open("rb") as file:
        os.fsync(file.fileno())


@asynccontextmanager
async def rolled_back_on_error(
    rollback: Callable[[], object],
    cleanup: Callable[[], object] | None = None,
    *,
    expected: tuple[type[Exception], ...] = (),
) -> AsyncIterator[None]:
    """An operation that is rolled back when it raises, also when it is cancelled; `cleanup` is called in every case.

        async with rolled_back_on_error(rollback, cleanup, expected=(GitError,)):
            await operation()

    Args:
        rollback, cleanup: functions, or coroutine functions.
        expected: errors that the log calls by their name; all others it calls unexpected.

    Raises:
        What the operation raised. An error of `rollback` or `cleanup` is a note on it, never in its place.
    """
    failed: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failed = error
        kind = "error" if isinstance(error, expected) else "unexpected error"
        _log.error("%s: %s: %s", kind, type(error).__name__, error)
        await _called(rollback, "rollback", error)
        raise
    finally:
        if cleanup is not None:
            await _called(cleanup, "cleanup", failed)


async def _called(function: Callable[[], object], name: str, failed: BaseException | None) -> None:
    try:
        result = function()
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        _log.error("%s failed: %s: %s", name, type(error).__name__, error)
        if failed is None:
            raise
        failed.add_note(f"{name} failed, too: {type(error).__name__}: {error}")


async def validate_after_step(step_name: str, checks: Sequence[Check]) -> list[Mapping[str, Any]]:
    """Look at what a step left, check by check; the first that does not pass ends it.

    Args:
        step_name: for the message.
        checks: functions, or coroutine functions, that return `{"passed": …, "message": …}`: see `standard_checks`.

    Returns:
        The answers of all checks.

    Raises:
        ValidationError: a check did not pass, has no answer, or raised; unknown is not passed.
    """
    answers: list[Mapping[str, Any]] = []
    for check in checks:
        try:
            answer = check()
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:
            raise ValidationError(f"{step_name} validation failed: {type(error).__name__}: {error}") from error
        if not isinstance(answer, Mapping) or answer.get("passed") is not True:
            message = answer.get("message", "no reason was given") if isinstance(answer, Mapping) else "no answer"
            raise ValidationError(f"{step_name} validation failed: {message}")
        answers.append(answer)
    return answers
