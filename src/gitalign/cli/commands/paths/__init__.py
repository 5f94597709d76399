"""The verb `paths`: its verbs are the files beside this one, each imported when it is typed."""

from __future__ import annotations

from gitalign.cli.lazy_group import LazyGroup
from gitalign.cli.parameters import HELP_NAMES

VERBS = ("who", "claim", "claims", "release")

paths = LazyGroup(
    VERBS,
    path=("paths",),
    name="paths",
    help="Show who changes which paths; claim paths for a while.",
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)
