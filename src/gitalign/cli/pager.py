"""Output of a verb that only shows, in the operator's pager: on a terminal only, after the work is done."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import click

from gitalign.cli.parameters import option

NO_PAGER: Any = Annotated[
    bool, option("--no-pager", help="Print to the terminal without the pager that git would use.")
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


def no_pager_is_typed() -> bool:
    """True for `git align --no-pager VERB`, also for verbs that have no such option themselves."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.find_root().params.get("no_pager"))


@contextmanager
def in_pager(repo: Path, *, wanted: bool = True) -> Iterator[None]:
    """What is printed inside goes to the pager that git would use, when standard output is a terminal.

    Args:
        repo: whose settings choose the pager.
        wanted: False prints as if there were no pager.
    """
    if not wanted or not sys.stdout.isatty():
        yield
        return
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
