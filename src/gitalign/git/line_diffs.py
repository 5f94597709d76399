"""The changed lines of some paths, for many pairs of commits, from one git process. Not here: what is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git.command import Git, text

_TIMEOUT_S = 600.0
# A line that is no object name is echoed (builtin/diff-tree.c, cmd_diff_tree): the answer is whole when it ends with it.
_LAST_LINE = b"end of questions\n"
# Whatever the operator configured for reading diffs must not change which lines differ.
_PLAIN = (
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    "--no-relative",
    "--no-color",
    "--no-indent-heuristic",
    "--diff-algorithm=default",
    "--inter-hunk-context=0",
    "--submodule=short",
)


def line_diffs(git: Git, pairs: Sequence[tuple[Oid, Oid]], paths: Sequence[bytes]) -> bytes:
    """The changed lines of some paths from one commit to another, pair after pair, as `git diff-tree -p -U0` prints them.

    Contents are named by their full ids. Renames are not looked for.

    Args:
        git: sees all of them.
        pairs: (before, after); no object of theirs is missing.
        paths: nothing else is compared.

    Raises:
        GitError

    Source: `git help diff-tree` (--stdin: further commits on a line stand in for the parents of the first; --full-index, -U0).
    """
    words = ("diff-tree", "--stdin", "-p", *_PLAIN, "--full-index", "-U0", "--")
    places = (f":(top,literal){text(path)}" for path in paths)
    questions = "".join(f"{after} {before}\n" for before, after in pairs).encode("ascii")
    answer = git.run(*words, *places, stdin=questions + _LAST_LINE, timeout_s=_TIMEOUT_S).stdout
    if not answer.endswith(_LAST_LINE):
        raise GitError("git diff-tree: the answer ends before the last question", hint="run again")
    return answer
