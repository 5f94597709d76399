"""The tools as a server of the Model Context Protocol, on standard input and output.

Every tool says by its hints whether it reads or moves branches, and whether asking twice does harm.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from gitalign.agents.answer_schemas import document_schema, long_work_schema
from gitalign.agents.tools import Tools
from gitalign.core.names import display
from gitalign.errors import GitAlignError
from gitalign.release import VERSION

INSTRUCTIONS = """\
git-align aligns feature branches with their target branches in memory, and publishes so that nothing is lost.
Before you start: who_touches and path_claims say where others work; claim_paths tells them where you do.
While you work: clashes says which branches conflict with yours. Then: align brings your branch up to date, undo takes it back.
Longer work answers {"state": "running", "handle": …}: ask again with job. An answer is final when its state is "done" or "stopped".
"""
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
_MOVES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
# The last run is another one after an undo: asked twice, it brings forward again what it put back.
_PUTS_BACK = _MOVES.model_copy(update={"idempotent_hint": False})
F = TypeVar("F", bound=Callable[..., Any])


def build_server(tools: Tools) -> MCPServer:
    """The server of a repository's tools."""
    offered: list[Tool] = []
    _add_looking(offered, tools)
    _add_acting(offered, tools)
    return MCPServer("git-align", instructions=INSTRUCTIONS, version=VERSION, log_level="WARNING", tools=offered)


def _tool(offered: list[Tool], hints: ToolAnnotations, answers: Mapping[str, Any]) -> Callable[[F], F]:
    """Offer a function as a tool whose errors are answers that say what to do next.

    Args:
        offered: takes it.
        hints: whether it reads or moves branches.
        answers: the schema of its answers.
    """

    def registered(function: F) -> F:
        @functools.wraps(function)
        def called(*words: Any, **more: Any) -> Any:
            try:
                return function(*words, **more)
            except GitAlignError as error:
                hint = f" Next: {error.hint}." if error.hint else ""
                raise ToolError(display(f"{error.code}: {error.message}.{hint}")) from error

        tool = Tool.from_function(called, annotations=hints, structured_output=True)
        # The SDK makes schemas of Python's types alone; ours come from the documents.
        tool.fn_metadata.output_schema = dict(answers)
        offered.append(tool)
        return function

    return registered


def _add_looking(offered: list[Tool], tools: Tools) -> None:
    @_tool(offered, _READS, long_work_schema("forecast"))
    def forecast(only: list[str] | None = None, wait_seconds: float = 20) -> dict[str, Any]:
        """How branches would align with their targets, and what would conflict. Moves nothing. `only`: names or globs."""
        return tools.forecast(only or (), wait_s=wait_seconds)

    @_tool(offered, _READS, long_work_schema("forecast"))
    def clashes(branch: str, wait_seconds: float = 20) -> dict[str, Any]:
        """Which other branches conflict with a branch, with paths and hunks, and how the branch itself would align."""
        return tools.clashes(branch, wait_s=wait_seconds)

    @_tool(offered, _READS, document_schema("path-touches"))
    def who_touches(patterns: list[str]) -> dict[str, Any]:
        """Which branches change paths that match patterns (as in a .gitignore), and who claims some of them."""
        return tools.who_touches(patterns)

    @_tool(offered, _READS, document_schema("path-claims"))
    def path_claims() -> dict[str, Any]:
        """Which paths are claimed now, by whom, and until when."""
        return tools.claims()

    @_tool(offered, _READS, document_schema("report"))
    def report(run: str = "last") -> dict[str, Any]:
        """A run written up: what moved, what conflicts, what is next. `run`: an id, or last."""
        return tools.report(run)

    @_tool(offered, _READS, document_schema("batch-runs", "batch-run"))
    def tasks(batch: str | None = None) -> dict[str, Any]:
        """Batch runs, or one batch run with the state of each of its tasks. `batch`: an id, or last."""
        return tools.batches(batch)

    @_tool(offered, _READS, long_work_schema("forecast", "report"))
    def job(handle: str, wait_seconds: float = 20) -> dict[str, Any]:
        """How longer work stands that was begun earlier, or its document when it is done."""
        return tools.job(handle, wait_s=wait_seconds)


def _add_acting(offered: list[Tool], tools: Tools) -> None:
    @_tool(offered, _WRITES, document_schema("path-claims"))
    def claim_paths(holder: str, patterns: list[str], minutes: int = 120, note: str = "") -> dict[str, Any]:
        """Tell others that you work on paths for a while; it forbids nothing. Refused when others claim some of them."""
        return tools.claim(holder, patterns, minutes, note)

    @_tool(offered, _WRITES, document_schema("path-claims"))
    def release_paths(holder: str, claim_id: str | None = None) -> dict[str, Any]:
        """Give back one claim, or all of a holder."""
        return tools.release(holder, claim_id)

    @_tool(offered, _MOVES, long_work_schema("report"))
    def align(branch: str, wait_seconds: float = 20) -> dict[str, Any]:
        """Align one local branch with its target, and move it. undo takes it back. Needs a server that may move branches."""
        return tools.align(branch, wait_s=wait_seconds)

    @_tool(offered, _PUTS_BACK, long_work_schema("report"))
    def undo(run: str = "last", wait_seconds: float = 20) -> dict[str, Any]:
        """Put back what a run moved, where it still stands. Needs a server that may move branches. `run`: an id, as in the
        answer of align. After an undo, last is that undo: asked again without an id, it is undone."""
        return tools.undo(run, wait_s=wait_seconds)

    @_tool(offered, _WRITES, long_work_schema("forecast", "report"))
    def stop(handle: str) -> dict[str, Any]:
        """Ask longer work to end early. What it has moved stays in the journal."""
        return tools.stop(handle)
