"""Opening the screen for browsing conflicts, and what is done with the answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gitalign.cli.options import Options
from gitalign.cli.rendering.console import is_interactive
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.core.names import shell_word
from gitalign.core.plan import Plan
from gitalign.engine.runtime.signals import StopSignal, handling_signals
from gitalign.errors import InvariantBroken, PluginError, UserError
from gitalign.ports import Listener

if TYPE_CHECKING:
    from gitalign.facade import Request


def browse(options: Options, request: Request, *, branch: str | None, furthest: bool, flags: Sequence[str]) -> int:
    """Open the screen.

    Args:
        options: of the verb.
        request: which branches.
        branch: to be chosen first.
        furthest: find out, too, which commit of the target stops each branch first.
        flags: what the verb `resolve` must be given to meet the same conflicts.

    Returns:
        The exit code: 0 no conflict, 1 some, 130 stopped; that of `resolve` when the screen was left for it.

    Raises:
        UserError: there is no terminal.
        PluginError: Textual is not installed.
        GitError, StoreError, OutOfSpace
    """
    if options.json or not is_interactive() or os.environ.get("TERM", "dumb") == "dumb":
        raise UserError("--browse needs a terminal, and goes with no --json", hint="git align conflicts")
    if find_spec("textual") is None:
        raise PluginError(
            "--browse needs Textual, which is not installed",
            hint="pip install 'git-align[screen]', or without --browse: git align conflicts",
        )
    from gitalign.screen.app import ConflictsScreen

    stop = StopSignal()
    with handling_signals(stop):
        left = ConflictsScreen(
            FromRepository(request, furthest=furthest, flags=tuple(flags)), stop=stop, branch=branch
        ).run(mouse=True)
    if left is None:
        raise InvariantBroken("the screen ended without an answer")
    if left.error is not None and not left.stopped:
        raise left.error
    if left.resolve is not None:
        from gitalign.cli.resolving import begin

        return begin(options, replace(request, fetch=False), left.resolve)
    if left.stopped or left.found is None:
        return 130
    return left.found.exit_code()


@dataclass(kw_only=True)
class FromRepository:
    """Where the screen takes its conflicts from.

    Args:
        request: which branches.
        furthest: find out, too, which commit of the target stops each branch first.
        flags: of the commands it shows.
    """

    request: Request = field(kw_only=False)
    furthest: bool
    flags: tuple[str, ...]
    _plan: Plan | None = field(default=None, init=False)

    def load(self, listeners: Sequence[Listener], stop: StopSignal) -> Conflicts:
        """Every conflict."""
        from gitalign import facade

        self._plan = facade.plan(self.request, whatever_is_checked_out=True)
        return facade.conflicts(self.request, plan=self._plan, furthest=self.furthest, listeners=listeners, stop=stop)

    def detail(self, conflict: BranchConflict, stop: StopSignal) -> ConflictDetail:
        """All about one of them."""
        from gitalign import facade

        if self._plan is None:
            raise InvariantBroken("a conflict is looked at before any was found")
        return facade.conflict_detail(self.request, plan=self._plan, conflict=conflict, stop=stop)

    def command(self, branch: str) -> str:
        """The command line that resolves a branch."""
        words = [*self.flags, *(["--"] if branch.startswith("-") else []), branch]
        return " ".join(["git align resolve", *map(shell_word, words)])
