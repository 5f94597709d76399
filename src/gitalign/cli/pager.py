"""Output of a verb that only shows, in the operator's pager: on a terminal only, after the work is done."""

from __future__ import annotations

import functools
import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

NoPager = Annotated[
    bool, typer.Option("--no-pager", help="Print to the terminal without the pager that git would use.")
]
_NOT_STARTED = (126, 127)
"""Exit codes of a shell that cannot start a command."""


class _Page(io.TextIOWrapper):
    """What was printed, kept until it is shown; what prints takes it for the terminal."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding=sys.stdout.encoding, errors="backslashreplace", write_through=True)

    def isatty(self) -> bool:
        return True


def paged(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the option `--no-pager`, its output in the pager; not with `--json`, nor on a screen of its own."""

    @functools.wraps(verb)
    def shown(*args: Any, no_pager: bool = False, **given: Any) -> None:
        if no_pager or given.get("json") or given.get("browse") or not sys.stdout.isatty():
            verb(*args, **given)
            return
        with _in_pager(given.get("repo") or Path()):
            verb(*args, **given)

    signature = inspect.signature(verb, eval_str=True)
    option = inspect.Parameter("no_pager", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=NoPager)
    shown.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), option]
    )
    shown.__annotations__ = {
        **{name: one.annotation for name, one in signature.parameters.items()},
        "no_pager": NoPager,
    }
    return shown


@contextmanager
def _in_pager(repo: Path) -> Iterator[None]:
    from gitalign.git.pager import pager_command

    command = pager_command(repo)
    if command is None:
        yield
        return
    terminal, page = sys.stdout, _Page()
    sys.stdout = page
    try:
        yield
    finally:
        sys.stdout = terminal
        page.flush()
        _show(command, page.kept.getvalue())


def _show(command: str, text: bytes) -> None:
    """Hand the text to the pager; straight to the terminal when that cannot be started."""
    from gitalign.child import shown_by
    from gitalign.git.pager import pager_environment

    if not text:
        return
    if shown_by(["sh", "-c", command], text, env=pager_environment()) in _NOT_STARTED:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
