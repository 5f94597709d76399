"""Resolving a conflict with the person at the terminal: ask, do, look again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitalign import child, facade
from gitalign.cli.advice import Typed
from gitalign.cli.asking import asked, may_ask
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json, emit_report
from gitalign.cli.rendering.manual_resolution import show_session
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.report import show_report
from gitalign.cli.rendering.tables import safe
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.names import command_on
from gitalign.core.plan import Permit
from gitalign.documents.status import dump_look
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.facade import Request

_CHOICES = {
    "e": "edit the paths in conflict",
    "m": "merge tool",
    "d": "show the conflict",
    "c": "resolved: take the files as they are, go on",
    "k": "skip this commit",
    "a": "abort: give up, the branch stays as it was",
    "l": "later: keep everything as it is",
}


def begin(options: Options, request: Request, branch: str) -> int:
    """Begin to resolve a branch, or go on; the exit code."""
    return from_here(options, request, facade.resolve(request, branch))


def from_here(options: Options, request: Request, look: Look) -> int:
    """Go on with a session: with the person at the terminal, or as far as it goes without one; the exit code."""
    if may_ask() and not options.json and not options.yes:
        return _attended(options, request, look)
    return _shown(options, request, look)


def _shown(options: Options, request: Request, look: Look) -> int:
    """Without a person at the terminal: go as far as it goes, then say where it stands."""
    if look.stand is Stand.DONE and options.yes and not look.differing:
        return _finish(options, request, look)
    if options.json:
        emit_json("resolution", dump_look(look))
    else:
        show_session(console(), look)
    return 1


def _attended(options: Options, request: Request, look: Look) -> int:
    """Ask, do, look again, until the branch is moved, given up, or left for later."""
    out = console()
    branch = look.session.branch
    while True:
        show_session(out, look)
        if look.stand is Stand.DONE:
            return _finish(options, request, look, seen=bool(look.differing))
        offered = _offered(look)
        out.print("  " + "  ".join(f"[bold]{key}[/] {_CHOICES[key]}" for key in offered))
        answer = _answer()
        try:
            match answer if answer in offered else "":
                case "e":
                    _edit(look)
                case "m":
                    _run(["git", "mergetool"], look)
                case "d":
                    _run(["git", "-c", "core.pager=cat", "diff", "--diff-filter=U"], look)
                case "c":
                    facade.resolve_stage(request, branch)
                    facade.resolve_continue(request, branch)
                case "k":
                    facade.resolve_skip(request, branch)
                case "a":
                    facade.resolve_abort(request, branch)
                    out.print(f"given up; the branch is where it was ({look.session.seen[:12]})")
                    return 0
                case "l":
                    out.print(f"kept; {safe(command_on('git align resolve', branch))} goes on")
                    return 1
                case _:
                    out.print(f"one of {', '.join(offered)}")
        except UserError as error:
            out.print(f"[red]{error.message}[/]; {error.hint}")
        look = facade.resolve(request, branch)


def _answer() -> str:
    """The letter that was typed; the end of the input (Ctrl-D) means later.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        return str(click.prompt("what now", default="l", show_default=True)).strip().lower()[:1]
    except click.Abort as error:
        # click makes the same of either key.
        if isinstance(error.__context__, EOFError):
            return "l"
        raise KeyboardInterrupt from error


def _offered(look: Look) -> tuple[str, ...]:
    match look.stand:
        case Stand.STOPPED:
            return ("e", "m", "d", "c", *(() if look.session.is_merge else ("k",)), "a", "l")
        case Stand.READY:
            return ("e", "c", *(() if look.session.is_merge else ("k",)), "a", "l")
        case _:
            return ("a", "l")


def _edit(look: Look) -> None:
    editor = os.environ.get("GIT_EDITOR") or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    paths = look.paths or look.marked
    if not paths:
        raise UserError("nothing is in conflict", hint="c goes on")
    # As git does, an editor may bring options of its own (`git help var`, GIT_EDITOR).
    _run([*shlex.split(editor), *(str(Path(look.session.folder) / path) for path in paths)], look)


def _run(argv: list[str], look: Look) -> None:
    try:
        child.attended(argv, cwd=look.session.folder)
    except OSError as error:
        raise UserError(
            f"cannot start {argv[0]}: {error.strerror}", hint="set EDITOR, or resolve in the work tree yourself"
        ) from error


def finish_question(look: Look) -> str:
    """What is asked before a resolved branch is moved."""
    return f"Check the result and move {look.session.branch} there? It can be put back with undo."


def _finish(options: Options, request: Request, look: Look, *, seen: bool = False) -> int:
    """Prove, check, publish; what git alone settled, once a person has seen it and says yes."""
    if not asked(options, finish_question(look), would="move the branch", look=""):
        return 1
    if seen:
        facade.resolve_continue(request, look.session.branch)
    with followed(options) as (listeners, stop):
        report = facade.resolve_finish(
            request,
            look.session.branch,
            permit=Permit(plan_id="*", given_by="--yes" if options.yes else "prompt"),
            listeners=listeners,
            stop=stop,
        )
    if options.json:
        emit_report(report)
    elif not options.quiet:
        show_report(console(), report, typed=Typed.of(request), is_new=True)
    return report.exit_code()
