"""`.cli_framework` in a repository: git-align's scripts where a team keeps its own, installed, removed and put back without loss."""
