"""Raw commits survive being taken apart and put together, byte for byte."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.commit import commit_id, new_commit, parse_commit, rewritten, serialise, with_signature

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
PLAIN = (
    b"tree " + TREE.encode() + b"\nparent " + b"a" * 40 + b"\nauthor A U Thor <a@example.org> 1700000000 +0530\n"
    b"committer C O Mitter <c@example.org> 1700000001 -0800\nencoding ISO-8859-1\n"
    b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----\nchange-id zzz\n\nGr\xfc\xdfe\n\nbody\n"
)


def test_parse_and_serialise_are_inverse() -> None:
    assert serialise(parse_commit(PLAIN)) == PLAIN


def test_rewriting_keeps_author_message_encoding_and_foreign_headers() -> None:
    """Edge cases 16, 17, 19."""
    commit = parse_commit(PLAIN)
    new = rewritten(commit, tree="b" * 40, parents=("c" * 40,), committer=b"O <o@example.org> 5 +0000")
    assert new.author == commit.author
    assert new.message == b"Gr\xfc\xdfe\n\nbody\n"
    assert (b"encoding", b"ISO-8859-1") in new.headers
    assert (b"change-id", b"zzz") in new.headers
    assert new.tree == "b" * 40
    assert new.parents == ("c" * 40,)
    assert new.committer == b"O <o@example.org> 5 +0000"


def test_rewriting_never_copies_a_signature() -> None:
    """Edge case 18."""
    commit = parse_commit(PLAIN)
    assert commit.is_signed
    assert not rewritten(commit, tree=TREE, parents=(), committer=None).is_signed


def test_committer_can_be_preserved() -> None:
    commit = parse_commit(PLAIN)
    assert rewritten(commit, tree=TREE, parents=(), committer=None).committer == commit.committer


def test_subject_is_decoded_with_the_declared_encoding() -> None:
    assert parse_commit(PLAIN).subject == "Grüße"
    assert parse_commit(PLAIN.replace(b"ISO-8859-1", b"no-such-code")).subject == "Gr��e"


def test_signature_goes_behind_the_committer_in_gits_form() -> None:
    commit = new_commit(tree=TREE, parents=(), author=b"A <a@b> 1 +0000", committer=b"A <a@b> 1 +0000", message=b"m\n")
    signed = with_signature(commit, b"-----BEGIN-----\nx\n\ny\n-----END-----\n", object_format="sha1")
    assert b"committer A <a@b> 1 +0000\ngpgsig -----BEGIN-----\n x\n \n y\n -----END-----\n\nm\n" in serialise(signed)
    assert with_signature(commit, b"s", object_format="sha256").headers[-1][0] == b"gpgsig-sha256"
    assert parse_commit(serialise(signed)).is_signed


def test_commit_ids_are_gits() -> None:
    assert commit_id(PLAIN, object_format="sha1") == hashlib.sha1(b"commit %d\0" % len(PLAIN) + PLAIN).hexdigest()
    assert commit_id(PLAIN, object_format="sha256") == hashlib.sha256(b"commit %d\0" % len(PLAIN) + PLAIN).hexdigest()


def test_foreign_conflict_header_is_noticed() -> None:
    """Edge case 19."""
    marked = PLAIN.replace(b"change-id zzz", b"jj:trees " + b"a" * 40)
    assert parse_commit(marked).foreign_conflict == "jj:trees"
    assert parse_commit(PLAIN).foreign_conflict is None


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"author x\n\nm"])
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="not a commit"):
        parse_commit(garbage)


@given(
    message=st.binary(max_size=300), author=st.binary(min_size=1, max_size=40).filter(lambda value: b"\n" not in value)
)
def test_any_message_survives(message: bytes, author: bytes) -> None:
    """Edge case 21: `#` at the start, binary, empty."""
    commit = new_commit(tree=TREE, parents=("a" * 40,), author=author, committer=b"C <c@d> 1 +0000", message=message)
    again = parse_commit(serialise(commit))
    assert again == commit
    assert rewritten(again, tree=TREE, parents=("b" * 40,), committer=None).message == message


def test_commit_without_message_body() -> None:
    data = b"tree " + TREE.encode() + b"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n"
    assert parse_commit(data).message == b""
    assert serialise(parse_commit(data)) == data
