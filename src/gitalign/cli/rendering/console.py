"""Where output goes: the terminal, a pipe, a document, a file."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gitalign.output_file import require_writable as require_writable
from gitalign.output_file import write_whole as write_whole
from gitalign.streams import drop_odd_sizes

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.report import Report


"""Of every document of `--json` that has no format of its own."""


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


def emit_json(name: str, content: Mapping[str, Any]) -> None:
    """Exactly one JSON document on standard output: an object that says its format and version; names whose bytes are not UTF-8 are escaped.

    Args:
        name: of the document, see `documents.formats`.
        content: its members.
    """
    from gitalign.documents.formats import pieces, stamped

    sys.stdout.writelines(pieces(stamped(name, content), indent=2))
    sys.stdout.write("\n")
    sys.stdout.flush()


def emit_report(report: Report) -> None:
    """The rich report as the one JSON document on standard output, piece by piece."""
    from gitalign.documents import reports

    sys.stdout.writelines(reports.text_pieces(report, indent=2))
    sys.stdout.write("\n")
    sys.stdout.flush()


def is_interactive() -> bool:
    """True when a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def as_text(document: Any) -> str:
    """A JSON document as text."""
    return json.dumps(document, indent=2) + "\n"
