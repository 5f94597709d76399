"""The verb `batch`: its verbs are the files beside this one, each imported when it is typed."""

from __future__ import annotations

from gitalign.cli.lazy_group import LazyGroup
from gitalign.cli.parameters import HELP_NAMES

VERBS = (
    "plan",
    "run",
    "status",
    "logs",
    "events",
    "report",
    "list",
    "pause",
    "resume",
    "stop",
    "cancel",
    "retry",
    "land",
    "undo",
    "prune",
)

batch = LazyGroup(
    VERBS,
    path=("batch",),
    name="batch",
    help="Run tasks in work trees of their own; land them together.",
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)
