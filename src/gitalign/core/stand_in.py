"""Commits that git's own commands cannot carry unchanged, and commits that stand for them while a person resolves. Pure values.

`git rebase` and `git commit` write authors and messages again: they refuse an author without a name, take dates and time zones
apart, drop lines that begin with the comment character, and write other encodings as UTF-8 (`git help commit`, --cleanup;
ident.c, strip_crud). A stand-in has the tree and the parents of its commit, and an author and a message that survive all that.
"""

from __future__ import annotations

import re

from gitalign.core.commit import RawCommit, new_commit
from gitalign.core.names import Oid

_WHO = b"git-align <git-align@localhost> 946684800 +0000"
_CRUD = rb".,:;<>\"'\\\x00-\x20\x7f"
_AUTHOR = re.compile(
    rb"[^" + _CRUD + rb"]([^<>\n\x00]*[^" + _CRUD + rb"])? "
    rb"<[^" + _CRUD + rb"]([^<>\n\x00]*[^" + _CRUD + rb"])?> "
    rb"(0|[1-9][0-9]{0,9}) (?!-0000)[+-](0[0-9]|1[0-4])[0-5][0-9]"
)
_COMMENTS = b"#;@!$%^&|:"  # those that core.commentChar=auto chooses from


def needs_stand_in(commit: RawCommit) -> bool:
    """Whether git's own commands could change the author or the message of a commit, or refuse it."""
    message = commit.message
    if _AUTHOR.fullmatch(commit.author) is None or any(name == b"encoding" for name, _ in commit.headers):
        return True
    try:
        (commit.author + message).decode("utf-8")
    except UnicodeDecodeError:
        return True
    lines = message.split(b"\n")
    return b"\0" in message or not lines[0].strip() or any(line[:1] and line[:1] in _COMMENTS for line in lines)


def stand_in(
    oid: Oid, commit: RawCommit, *, tree: Oid | None = None, parents: tuple[str, ...] | None = None
) -> RawCommit:
    """A commit that stands for another one; the same every time.

    Args:
        oid: of the commit.
        commit: that is stood for.
        tree, parents: others than it has.
    """
    author, message = commit.author, commit.message
    if needs_stand_in(commit):
        subject = " ".join("".join(char for char in commit.subject if char.isprintable()).split())
        shown = subject.lstrip(_COMMENTS.decode()).strip() or "(no message)"
        author = _WHO
        message = f"{shown[:200]}\n\ngit-align gives {oid} its own author and message back.\n".encode()
    return new_commit(
        tree=tree or commit.tree,
        parents=commit.parents if parents is None else parents,
        author=author,
        committer=_WHO,
        message=message,
    )
