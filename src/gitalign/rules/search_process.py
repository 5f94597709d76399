"""A process that looks for patterns and nothing else; started as a script, answers one line of JSON with another.

It is apart because a regular expression can take longer than the world will last, and only a process can be stopped. It imports
nothing of the package, and it never runs what it is given.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

_MOST_HITS = 1_000
_MOST_MEMORY = 2 << 30


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to one question."""
    if asked["what"] == "regex":
        pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["ignore_case"] else 0)
        hits = [number for number, line in enumerate(asked["lines"]) if pattern.search(line)]
        return {"hits": hits[:_MOST_HITS]}
    try:
        from ast_grep_py import SgRoot
    except ImportError:
        return {"missing": True}
    root = SgRoot(asked["text"], asked["language"]).root()
    broken = _broken(root)
    if broken is not None:
        return {"broken": broken}
    found = [node.range() for node in root.find_all(pattern=asked["pattern"])]
    return {"spans": [[one.start.line + 1, one.end.line + 1] for one in found[:_MOST_HITS]]}


def _broken(root: Any) -> int | None:
    """The first line at which the parser had to guess; None when it did not."""
    waiting = [root]
    lines: list[int] = []
    while waiting:
        node = waiting.pop()
        children = node.children()
        waiting += children
        # A token that is not there was put in to go on.
        if node.kind() == "ERROR" or (not children and not node.is_named() and not node.text()):
            lines.append(node.range().start.line + 1)
    return min(lines) if lines else None


def main() -> None:
    """Answer until no one asks any more."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for line in sys.stdin.buffer:
        try:
            said = answer(json.loads(line))
        except (Exception, RecursionError) as error:
            said = {"fault": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
        sys.stdout.buffer.write(json.dumps(said).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
