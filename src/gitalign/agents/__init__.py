"""git-align for agents: tools of the Model Context Protocol (extra `mcp`), over the same facade as the command line."""
