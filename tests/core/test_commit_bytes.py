"""Commits read and written as bytes: the same, byte for byte, as taken apart and put together header by header."""

from __future__ import annotations

import pytest

from gitalign.core.commit import parse_commit, rewritten, serialise
from gitalign.core.commit_bytes import commit_bytes, keeps_author_and_message, replayed, subject_of

TREE, PARENT, OTHER = b"1" * 40, b"2" * 40, b"3" * 40
PEOPLE = b"author A <a@x> 1 +0100\ncommitter C <c@x> 2 -0200\n"
PLAIN = b"tree " + TREE + b"\nparent " + PARENT + b"\n" + PEOPLE
COMMITS = {
    "plain": PLAIN + b"\nsubject\n\nbody\n",
    "no line end": PLAIN + b"\nsubject",
    "no message": PLAIN + b"\n",
    "nothing behind the headers": PLAIN.removesuffix(b"\n"),
    "empty lines first": PLAIN + b"\n\n\nsubject\n",
    "root": b"tree " + TREE + b"\n" + PEOPLE + b"\nroot\n",
    "two parents": b"tree " + TREE + b"\nparent " + PARENT + b"\nparent " + OTHER + b"\n" + PEOPLE + b"\nmerge\n",
    "encoding": PLAIN + b"encoding ISO-8859-1\n\ngr\xfc\xdfe\n",
    "unknown encoding": PLAIN + b"encoding klingon\n\ngr\xfc\xdfe\n",
    "signed": PLAIN + b"gpgsig -----BEGIN\n abc\n \n def\n -----END\n\nsigned\n",
    "signed twice": PLAIN + b"gpgsig-sha256 x\n y\ngpgsig z\nencoding UTF-8\n\nsigned\n",
    "tag of a merged parent": PLAIN + b"mergetag object 1\n type commit\n \n tagged\n\nsubject\n",
    "foreign": PLAIN + b"change-id abc\nHG:extra a\n b\n\nsubject\n",
    "conflict of another tool": PLAIN + b"jj:trees 1 2 3\n\nsubject\n",
    "odd name": b"tree " + TREE + b"\nparent " + PARENT + b"\nauthor  <> \ncommitter \xff\xfe <> 0 +0000\n\nodd\n",
    "no author": b"tree " + TREE + b"\nparent " + PARENT + b"\ncommitter C <c@x> 2 -0200\n\nx\n",
    "author after committer": b"tree " + TREE + b"\ncommitter C <c@x> 2 +0000\nauthor A <a@x> 1 +0000\n\nx\n",
    "two authors": PLAIN + b"author B <b@x> 1 +0000\n\nx\n",
    "header words in the message": PLAIN + b"\ngpgsig none\n\nauthor Z <z@x> 0 +0000\n",
}


@pytest.mark.parametrize("committer", [None, b"O P <o@x> 9 +0000"])
@pytest.mark.parametrize("name", COMMITS)
def test_bytes_are_those_of_the_commit_taken_apart(name: str, committer: bytes | None) -> None:
    """Whatever headers it has."""
    data = COMMITS[name]
    short, whole = commit_bytes(data), parse_commit(data)
    tree, parent = "4" * 40, "5" * 40
    assert replayed(short, tree=tree, parent=parent, committer=committer) == serialise(
        rewritten(whole, tree=tree, parents=(parent,), committer=committer)
    )
    assert (short.tree, short.parents, short.author, short.message) == (
        whole.tree,
        whole.parents,
        whole.author,
        whole.message,
    )
    assert (subject_of(short), short.is_signed) == (whole.subject, whole.is_signed)
    assert short.foreign_conflict == (whole.foreign_conflict is not None)


def test_what_is_not_a_commit_is_refused() -> None:
    """As by the other reader."""
    with pytest.raises(ValueError, match="not a commit"):
        commit_bytes(b"object 1\ntype commit\n\n")


def test_a_lost_author_or_message_is_noticed() -> None:
    """Read from the new bytes."""
    old = commit_bytes(COMMITS["encoding"])
    new = replayed(old, tree="4" * 40, parent="5" * 40, committer=None)
    assert keeps_author_and_message(old, new)
    assert not keeps_author_and_message(old, new.replace(b"author A", b"author B"))
    assert not keeps_author_and_message(old, new.removesuffix(b"\n"))
