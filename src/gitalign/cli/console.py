"""What every verb shares: where output goes, how errors are told, which exit code follows."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitalign.errors import GitAlignError, InvariantBroken, NoResources, OutOfSpace
from gitalign.output_file import require_writable as require_writable
from gitalign.output_file import write_whole as write_whole
from gitalign.streams import drop_odd_sizes, lost_output

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.report import Report
    from gitalign.facade import Request


_FORMAT = 1
"""Of every document of `--json` that has no format of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options that every verb takes."""

    repo: Path = Path()
    config: Path | None = None
    json: bool = False
    yes: bool = False
    verbose: bool = False
    quiet: bool = False

    def request(self, *, remote: str | None = None, everywhere: bool = False, **more: Any) -> Request:
        """The facade's request for these options.

        Args:
            remote: as typed behind `--remote`.
            everywhere: whether `--all` was typed.
            more: fields of the request by name.
        """
        from gitalign.facade import Request

        theirs = "" if everywhere and remote is None else remote
        return Request(
            repo=self.repo,
            config_file=self.config,
            needs_branches=True,
            remote=theirs,
            also_local=everywhere,
            **more,
        )


def console(*, stderr: bool = False) -> Console:
    """A console that obeys NO_COLOR, pipes and narrow windows."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    drop_odd_sizes()
    is_paged = not stderr and not stream.isatty() and _is_read_by_the_pager_of_git()
    is_terminal = stream.isatty() or is_paged
    width = None if is_terminal else int(os.environ.get("COLUMNS", "120"))
    return Console(
        stderr=stderr,
        highlight=False,
        width=width,
        soft_wrap=not is_terminal,
        force_terminal=True if is_paged else None,
    )


def _is_read_by_the_pager_of_git() -> bool:
    """True behind `git -p align` and where `pager.align` is set: git puts its pager between us and the terminal."""
    if not os.environ.get("GIT_PAGER_IN_USE"):
        return False
    from gitalign.git.pager import is_paged_by_git

    return is_paged_by_git() and stat.S_ISFIFO(os.fstat(1).st_mode)


def emit_json(document: Mapping[str, Any]) -> None:
    """Exactly one JSON document on standard output, an object that says its `format`; names whose bytes are not UTF-8 are escaped."""
    sys.stdout.write(json.dumps({"format": _FORMAT, **document}, indent=2) + "\n")
    sys.stdout.flush()


def emit_report(report: Report) -> None:
    """The rich report as the one JSON document on standard output, piece by piece."""
    from gitalign.documents import wire

    sys.stdout.writelines(wire.report_text(report, indent=2))
    sys.stdout.write("\n")
    sys.stdout.flush()


def is_interactive() -> bool:
    """True when a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def guarded(options: Options, work: Callable[[], int], *, acts: bool = False) -> int:
    """Carry out a verb; every error ends in a message, a hint and the documented exit code.

    Args:
        options: of the verb.
        work: the verb.
        acts: it changes something; otherwise what it prints is all that it does.

    Returns:
        The exit code: what `work` says, or that of the error.
    """
    code = _guarded(options, work)
    lost = lost_output()
    if lost is None:
        return code
    err = console(stderr=True)
    err.print(f"[bold red]error:[/] cannot write to standard output: {lost.strerror}")
    if not acts:
        return code or OutOfSpace.exit_code
    err.print("[bold]next:[/] git align show last   shows the report; the exit code is that of the work")
    return code


def _guarded(options: Options, work: Callable[[], int]) -> int:
    from typer import Abort

    if options.verbose:
        from gitalign.telemetry import configure_logging

        configure_logging("DEBUG")
    try:
        return work()
    except (KeyboardInterrupt, Abort):
        # typer tells Ctrl-C and Ctrl-D at a question as an Abort of its own (`typer.prompt`, `typer.confirm`).
        _tell(options, "interrupted", "stopped", "git align resume goes on", ())
        return 130
    except BrokenPipeError:
        # Streams of our own never raise this: whoever called us in process gave others.
        return 141
    except GitAlignError as error:
        if options.verbose or isinstance(error, InvariantBroken):
            _log_crash(options)
        _tell(options, error.error_code, error.message, error.hint, getattr(error, "faults", ()))
        return error.exit_code
    except Exception as error:
        if (short := _shortage(error)) is not None:
            _tell(options, short.error_code, short.message, short.hint, ())
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


def _shortage(error: BaseException) -> GitAlignError | None:
    """What the machine had too little of, when that is what an error says: memory, processes, files, disk."""
    seen: BaseException | None = error
    while seen is not None:
        number = getattr(seen, "errno", None) if isinstance(seen, OSError) else None
        if isinstance(seen, MemoryError) or number == errno.ENOMEM or "can't start new thread" in str(seen):
            return NoResources(
                "there is not enough memory here, or not enough processes are allowed",
                hint="raise the limits (ulimit -v, ulimit -u), or set orchestration.max_workers_per_target lower; then git align resume",
            )
        if number in (errno.EAGAIN, errno.EMFILE, errno.ENFILE):
            return NoResources(
                f"a limit of this machine is reached: {os.strerror(number)}",
                hint="raise the limits (ulimit -u, ulimit -n), then git align resume",
            )
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
            return OutOfSpace(
                f"cannot write{f' {seen.filename}' if isinstance(seen, OSError) and seen.filename else ''}: {os.strerror(number)}",
                hint="free some space, then git align resume",
            )
        seen = seen.__cause__ or seen.__context__
    return None


def _tell(options: Options, code: str, message: str, hint: str, faults: tuple[str, ...]) -> None:
    from gitalign.core.names import display

    where, lines_to_add = _configuration(options, " ".join((message, hint, *faults)))
    if options.json:
        error: dict[str, Any] = {"code": code, "message": message, "hint": hint, "faults": list(faults)}
        if lines_to_add:
            error["configuration"] = {"file": where, "lines": list(lines_to_add)}
        emit_json({"error": error})
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
