"""The verb `framework`: its verbs are the files beside this one, each imported when it is typed."""

from __future__ import annotations

from gitalign.cli.lazy_group import LazyGroup
from gitalign.cli.parameters import HELP_NAMES

VERBS = ("install", "uninstall", "status", "rollback", "merge-to-branch")

framework = LazyGroup(
    VERBS,
    path=("framework",),
    name="framework",
    help="Put scripts that call git-align into a repository.",
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)
