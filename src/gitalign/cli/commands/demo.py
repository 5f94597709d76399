"""The verb `demo`: a sample repository, and a tour through it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.verb import verb

Directory = Annotated[
    Path | None,
    option("--dir", help="A new folder for all of the demo.", shown_default="a new temporary folder", metavar="DIR"),
]
Count = Annotated[int, option("--branches", help="About how many branches.", metavar="NUMBER", bounds=(20, 5000))]


@verb(acts=True, without=("repo", "config"))
def demo(options: Options, directory: Directory = None, branches: Count = 40) -> int:
    """Build a sample repository and align it."""
    from gitalign.cli.demo.tour import tour

    return tour(options, directory=directory, branches=branches)
