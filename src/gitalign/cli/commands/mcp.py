"""The verb `mcp`: tools for agents on standard input and output."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.verb import verb
from gitalign.errors import PluginError

AllowMoves = Annotated[bool, option("--allow-moves", help="Agents may align branches and undo runs.")]


@verb(without=("yes", "json"))
def mcp(*, allow_moves: AllowMoves = False, options: Options) -> int:
    """Offer git-align's tools to an agent (Model Context Protocol).

    It speaks on standard input and output until its input ends. Needs the extra `mcp`.
    """
    try:
        from gitalign.agents.server import build_server
    except ImportError as error:
        raise PluginError("the tools for agents need the extra mcp", hint="pip install 'git-align[mcp]'") from error
    from gitalign.agents.tools import Tools

    facade.status(options.request())  # what is wrong with repository or settings is said now, not to the agent later
    tools = Tools(options.repo.absolute(), config=options.config, may_move=allow_moves)
    try:
        build_server(tools).run("stdio")
    finally:
        tools.work.close()
    return 0
