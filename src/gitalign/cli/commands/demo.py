"""The verb `demo`: a sample repository, and a tour through it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.options import Options
from gitalign.cli.verb import verb

Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="A new folder for all of the demo.", show_default="a new temporary folder", metavar="DIR"
    ),
]
Count = Annotated[int, typer.Option("--branches", help="About how many branches.", min=20, max=5000)]


@verb(acts=True, without=("repo", "config"))
def demo(options: Options, directory: Directory = None, branches: Count = 40) -> int:
    """Build a sample repository and align it."""
    from gitalign.cli.demo.tour import tour

    return tour(options, directory=directory, branches=branches)
