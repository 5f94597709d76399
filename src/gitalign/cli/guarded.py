"""What every verb ends in: how errors are reported, which exit code follows."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json
from gitalign.errors import GitAlignError, InvariantBroken, OutOfSpace
from gitalign.shortages import shortage_of
from gitalign.streams import lost_output


def guarded(options: Options, work: Callable[[], int], *, acts: bool = False, is_here: bool = True) -> int:
    """Carry out a verb; every error ends in a message, a hint and the documented exit code.

    Args:
        options: of the verb.
        work: the verb.
        acts: it changes something; otherwise what it prints is all that it does.
        is_here: it works on a repository of this machine, where `resume` can go on with a run.

    Returns:
        The exit code: what `work` says, or that of the error.
    """
    code = _guarded(options, work, can_resume=acts and is_here)
    lost = lost_output()
    if lost is None:
        return code
    err = console(stderr=True)
    err.print(f"[bold red]error:[/] cannot write to standard output: {lost.strerror}")
    if not acts:
        return code or OutOfSpace.exit_code
    err.print("[bold]next:[/] git align show last   shows the report; the exit code is that of the work")
    return code


def _guarded(options: Options, work: Callable[[], int], *, can_resume: bool) -> int:
    from click import Abort

    if options.verbose:
        from gitalign.telemetry import configure_logging

        configure_logging("DEBUG")
    try:
        return work()
    except (KeyboardInterrupt, Abort):
        # click reports Ctrl-C and Ctrl-D at a question as an Abort of its own (`click.prompt`, `click.confirm`).
        _tell(options, "interrupted", "stopped", _how_to_go_on(options) if can_resume else "", ())
        return 130
    except BrokenPipeError:
        # Streams of our own never raise this: a caller in process gave others.
        return 141
    except GitAlignError as error:
        if options.verbose or isinstance(error, InvariantBroken):
            _log_crash(options)
        _tell(options, error.code, error.message, error.hint, getattr(error, "faults", ()))
        return error.exit_code
    except Exception as error:
        if (short := shortage_of(error)) is not None:
            _tell(options, short.code, short.message, short.hint, ())
            return short.exit_code
        place = _log_crash(options)
        _tell(
            options,
            "bug",
            f"a bug of git-align: {type(error).__name__}: {error}",
            f"please report it with {place}; no branch is lost: git align resume",
            (),
        )
        return 70


def _how_to_go_on(options: Options) -> str:
    """The command that goes on with what was stopped; empty where nothing was begun."""
    from gitalign import facade
    from gitalign.core.run import UNFINISHED, RunState

    try:
        begun = facade.runs(options.request(), states=(*UNFINISHED, RunState.INTERRUPTED))
    except (Exception, KeyboardInterrupt):
        return "git align resume   goes on, if a run had begun"
    return "git align resume   goes on" if begun else ""


def _tell(options: Options, code: str, message: str, hint: str, faults: tuple[str, ...]) -> None:
    from gitalign.core.names import display

    where, lines_to_add = _configuration(options, " ".join((message, hint, *faults)))
    if options.json:
        error: dict[str, Any] = {"code": code, "message": message, "hint": hint, "faults": list(faults)}
        if lines_to_add:
            error["configuration"] = {"file": where, "lines": list(lines_to_add)}
        emit_json("error", {"error": error})
        return
    from rich.markup import escape

    err = console(stderr=True)
    lines = message.split("\n")
    if faults:
        err.print(f"[bold red]error:[/] {len(faults)} fault{'' if len(faults) == 1 else 's'} in the input")
        for fault in faults[:50]:
            err.print(f"  {escape(display(fault))}")
        if len(faults) > 50:
            err.print(f"  and {len(faults) - 50} more")
    else:
        err.print(f"[bold red]error:[/] {escape(display(lines[0]))}")
        for line in lines[1:]:
            err.print(f"  {escape(display(line))}")
    if hint:
        err.print(f"[bold]next:[/] {escape(display(hint))}")
    if lines_to_add:
        err.print(f"in {escape(display(where))}, for example:")
        for line in lines_to_add:
            err.print(f"  {escape(display(line))}")


def _configuration(options: Options, text: str) -> tuple[str, tuple[str, ...]]:
    """The file and the lines that set what a message names; no lines when it names no setting."""
    from gitalign.configuration.examples import example_lines

    lines = example_lines(text)
    if not lines or options.config is not None:
        return str(options.config), lines
    from gitalign.git.discovery import discover

    try:
        found = discover(options.repo, executable="git", environ=os.environ)
    except GitAlignError:
        return "gitalign/config.yaml of the git directory", lines
    return str(Path(found.common_dir) / "gitalign" / "config.yaml"), lines


def _log_crash(options: Options) -> str:
    text = traceback.format_exc()
    if options.verbose:
        sys.stderr.write(text)
    try:
        handle, name = tempfile.mkstemp(prefix="git-align-crash-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(text)
    except OSError as error:
        return f"--verbose, which shows where (no log file could be written: {error.strerror})"
    return name
