"""The verb `resolve`: a conflict, resolved by a person in a disposable work tree, step by step."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Json,
    Merges,
    Quiet,
    Repo,
    Strategy,
    Verbose,
    Yes,
    asked,
    carried_out,
    leave,
    may_ask,
    overrides_of,
)
from gitalign.cli.working_set import Targets

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.manual_resolution import Look
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


def resolve(
    branch: Annotated[str | None, typer.Argument(help="The branch; all that are under way without it.")] = None,
    go_on: Annotated[bool, typer.Option("--continue", help="Everything is resolved: go on.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out the commit that stopped.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give up; the branch stays as it was.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where to make the work tree.", metavar="DIR", show_default="in the git directory"),
    ] = None,
    target: Targets = None,
    strategy: Strategy = None,
    merges: Merges = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Resolve a conflict in a work tree of its own.

    Days may pass. The branch moves when the result is proved and checked.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli.console import console
        from gitalign.errors import UserError

        if sum((go_on, skip, abort)) > 1:
            raise UserError("--continue, --skip and --abort exclude one another", hint="give one of them")
        request = options.request(overrides=overrides_of(targets=target, strategy=strategy, merges=merges))
        if branch is None:
            return _list(options, facade.resolutions_under_way(request))
        if abort:
            session = facade.resolve_abort(request, branch)
            if not options.json:
                console().print(f"given up; {branch} is where it was ({session.seen[:12]})")
            else:
                _emit(None)
            return 0
        if go_on:
            look = facade.resolve_continue(request, branch)
        elif skip:
            look = facade.resolve_skip(request, branch)
        else:
            look = facade.resolve(request, branch, folder=folder)
        return _from_here(options, request, look)

    leave(carried_out(options, work))


def begin(options: Options, request: Request, branch: str) -> int:
    """Begin to resolve a branch, or go on; the exit code."""
    from gitalign import facade

    return _from_here(options, request, facade.resolve(request, branch))


def _from_here(options: Options, request: Request, look: Look) -> int:
    if may_ask() and not options.json and not options.yes:
        return _attended(options, request, look)
    return _told(options, request, look)


def _list(options: Options, looks: tuple[Look, ...]) -> int:
    from gitalign.cli.console import console, emit_json
    from gitalign.cli.tables import safe
    from gitalign.documents import wire

    if options.json:
        emit_json({"resolutions": [wire.dump(one) for one in looks]})
        return 0
    out = console()
    if not looks:
        out.print("nothing is being resolved; git align resolve BRANCH begins")
    for one in looks:
        out.print(f"{safe(one.session.branch)}: {_state(one)}  {safe(one.session.folder)}")
    return 0


def _state(look: Look) -> str:
    from gitalign.core.manual_resolution import Stand

    match look.stand:
        case Stand.STOPPED:
            return f"stopped at {look.position} of {look.total}, {len(look.paths)} in conflict"
        case Stand.READY:
            return f"resolved at {look.position} of {look.total}, waits to be continued"
        case Stand.DONE:
            return "resolved; waits to be checked and moved"
        case Stand.LEFT:
            return "ended without a result"
        case Stand.GONE:
            return "its work tree was deleted"


def _emit(look: Look | None) -> None:
    from gitalign.cli.console import emit_json
    from gitalign.documents import wire

    emit_json(wire.dump(look) if look is not None else {"stand": "closed"})


def _told(options: Options, request: Request, look: Look) -> int:
    """Without a person at the terminal: go as far as it goes, then say where it stands."""
    from gitalign.cli.console import console
    from gitalign.core.manual_resolution import Stand

    if look.stand is Stand.DONE and options.yes and not look.differing:
        return _finish(options, request, look)
    if options.json:
        _emit(look)
    else:
        show(console(), look)
    return 1


def show(out: Console, look: Look) -> None:
    """Where a session stands, what the sides are, what to type next."""
    from gitalign.cli.tables import safe
    from gitalign.core.manual_resolution import Stand

    session = look.session
    out.print(f"[bold]{safe(session.branch)}[/] onto {safe(session.target)} at {session.onto[:12]}: {_state(look)}")
    out.print(f"  work tree  {safe(session.folder)}")
    if look.stopped_at is not None:
        out.print(f"  commit     {look.stopped_at[:12]} {safe(look.subject)}")
    if look.stand is Stand.STOPPED:
        for number, words in look.sides():
            out.print(f"  stage {number}    {safe(words)}")
        for path in look.paths:
            stages = ", ".join(f"{entry.stage}: {entry.oid[:10]}" for entry in look.entries if entry.path == path)
            out.print(f"  conflict   {safe(path)}  ({stages})")
    if look.marked:
        out.print(f"  [red]markers left in {safe(', '.join(look.marked))}[/]")
    if look.has_moved:
        where = look.now[:12] if look.now is not None else "gone"
        out.print(
            f"  [yellow]the branch itself has moved meanwhile: it is {where}; what is made here cannot replace it[/]"
        )
    for one in look.differing:
        out.print(f"  [yellow]resolved by git alone, where a run would stop:[/] {safe(one)}")
    if look.differing:
        out.print("  a merge driver or a setting of git decided there; look at these commits before you go on")
    for command, why in look.commands():
        out.print(f"    {safe(command)}   [dim]{safe(why)}[/]")


def _attended(options: Options, request: Request, look: Look) -> int:
    """Ask, do, look again, until the branch is moved, given up, or left for later."""
    from gitalign import facade
    from gitalign.cli.console import console
    from gitalign.cli.tables import safe
    from gitalign.core.manual_resolution import Stand
    from gitalign.core.names import command_on
    from gitalign.errors import UserError

    out = console()
    branch = look.session.branch
    while True:
        show(out, look)
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
        return str(typer.prompt("what now", default="l", show_default=True)).strip().lower()[:1]
    except typer.Abort as error:
        # Of either key typer makes the same.
        if isinstance(error.__context__, EOFError):
            return "l"
        raise KeyboardInterrupt from error


def _offered(look: Look) -> tuple[str, ...]:
    from gitalign.core.manual_resolution import Stand

    match look.stand:
        case Stand.STOPPED:
            return ("e", "m", "d", "c", *(() if look.session.is_merge else ("k",)), "a", "l")
        case Stand.READY:
            return ("e", "c", *(() if look.session.is_merge else ("k",)), "a", "l")
        case _:
            return ("a", "l")


def _edit(look: Look) -> None:
    from gitalign.errors import UserError

    editor = os.environ.get("GIT_EDITOR") or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    paths = look.paths or look.marked
    if not paths:
        raise UserError("nothing is in conflict", hint="c goes on")
    # As git does, an editor may bring options of its own (`git help var`, GIT_EDITOR).
    _run([*shlex.split(editor), *(str(Path(look.session.folder) / path) for path in paths)], look)


def _run(argv: list[str], look: Look) -> None:
    from gitalign import child
    from gitalign.errors import UserError

    try:
        child.attended(argv, cwd=look.session.folder)
    except OSError as error:
        raise UserError(
            f"cannot start {argv[0]}: {error.strerror}", hint="set EDITOR, or resolve in the work tree yourself"
        ) from error


def _finish(options: Options, request: Request, look: Look, *, seen: bool = False) -> int:
    """Prove, check, publish; what git alone settled, once a person has seen it and says yes."""
    from gitalign import facade
    from gitalign.cli import render
    from gitalign.cli.advice import Typed
    from gitalign.cli.console import console, emit_report
    from gitalign.cli.progress import watching
    from gitalign.core.plan import Permit
    from gitalign.engine.runtime.signals import StopSignal, handling_signals

    question = f"Check the result and move {look.session.branch} there? It can be put back with undo."
    if not asked(options, question):
        return 1
    if seen:
        facade.resolve_continue(request, look.session.branch)
    stop = StopSignal()
    with handling_signals(stop), watching(options, None) as listeners:
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
        render.show_report(console(), report, typed=Typed.of(request), is_new=True)
    return report.exit_code()
